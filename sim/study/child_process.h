// SPDX-License-Identifier: Apache-2.0
// A forked process that answers over a socket. Private to study/isolate.
#pragma once
#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

namespace mantissa::study {

class ChildProcess {
 public:
  // Forks. `body` runs in the child, with its end of the socket; then the child ends, without destructors and without
  // flushing buffers that belong to its parent. It ends with its parent, too, and ignores interrupts.
  explicit ChildProcess(const std::function<void(int)>& body);
  // Kills it, if it was not reaped.
  ~ChildProcess();
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  int file() const { return file_; }
  // Reads what is there; waits while there is nothing. False at the end: the child has closed its end.
  bool read_some();
  // What has come and makes a whole message, once.
  std::optional<std::string> take_message();
  // Asks for the next work. A child that has ended does not mind.
  void send(std::size_t index);
  // No more work will be sent.
  void close_work();
  void kill();
  // Waits for its end; its status, as of waitpid.
  int reap();

 private:
  pid_t pid_ = -1;  // -1: reaped
  int file_ = -1;
  std::string bytes_;
};

// In a child: sends a message.
void send_message(int file, const std::string& text);
// In a child: the next work, or nothing when there is none.
std::optional<std::size_t> receive_work(int file);

// What the work returned or threw, as a message.
std::string answer(const std::function<std::string()>& work);
bool is_result(const std::string& message);
// Returns or throws it again. Without a message the status tells why.
std::string result_of(const std::optional<std::string>& message, int status);

}  // namespace mantissa::study
