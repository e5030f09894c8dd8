// SPDX-License-Identifier: Apache-2.0
#include "study/child_process.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace mantissa::study {
namespace {

// The first byte of what the child sends.
enum class Outcome : char { kResult = 'r', kModelError = 'm', kLogicError = 'l', kError = 'e' };

// Where the other end has gone there is nobody to tell.
void send_all(int file, const char* bytes, std::size_t size) {
  for (std::size_t done = 0; done < size;) {
    const ssize_t n = ::send(file, bytes + done, size - done, MSG_NOSIGNAL);
    if (n < 0 && errno != EINTR) {
      return;
    }
    done += n > 0 ? static_cast<std::size_t>(n) : 0;
  }
}

// Called first in a child.
void follow(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) {
    _exit(1);  // it has ended in between
  }
  // An interrupt is for all processes of a terminal or a job. Were a child the first to end by it, its parent would
  // take that for a failure of the work.
  for (const int interrupt : {SIGINT, SIGTERM, SIGHUP}) {
    signal(interrupt, SIG_IGN);
  }
}

}  // namespace

ChildProcess::ChildProcess(const std::function<void(int)>& body) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    throw std::system_error(errno, std::generic_category(), "socketpair");
  }
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) {
    const int code = errno;
    close(ends[0]);
    close(ends[1]);
    throw std::system_error(code, std::generic_category(), "fork");
  }
  if (pid_ == 0) {
    follow(parent);
    close(ends[0]);
    body(ends[1]);
    close(ends[1]);
    _exit(0);
  }
  close(ends[1]);
  file_ = ends[0];
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), file_(std::exchange(other.file_, -1)), bytes_(std::move(other.bytes_)) {}

ChildProcess::~ChildProcess() {
  if (pid_ >= 0) {
    kill();
    reap();
  }
}

bool ChildProcess::read_some() {
  char buffer[1 << 16];
  const ssize_t n = recv(file_, buffer, sizeof buffer, 0);
  if (n > 0) {
    bytes_.append(buffer, static_cast<std::size_t>(n));
  }
  return n > 0 || (n < 0 && errno == EINTR);
}

std::optional<std::string> ChildProcess::take_message() {
  std::uint64_t size = 0;
  if (bytes_.size() < sizeof size) {
    return {};
  }
  std::memcpy(&size, bytes_.data(), sizeof size);
  if (bytes_.size() - sizeof size < size) {
    return {};
  }
  std::string message = bytes_.substr(sizeof size, size);
  bytes_.erase(0, sizeof size + size);
  return message;
}

void ChildProcess::send(std::size_t index) {
  send_all(file_, reinterpret_cast<const char*>(&index), sizeof index);
}

void ChildProcess::close_work() {
  shutdown(file_, SHUT_WR);
}

void ChildProcess::kill() {
  ::kill(pid_, SIGKILL);
}

int ChildProcess::reap() {
  close(file_);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return status;
}

void send_message(int file, const std::string& text) {
  const std::uint64_t size = text.size();
  const std::string bytes = std::string(reinterpret_cast<const char*>(&size), sizeof size) + text;
  send_all(file, bytes.data(), bytes.size());
}

std::optional<std::size_t> receive_work(int file) {
  std::size_t index = 0;
  ssize_t n = 0;
  do {
    n = recv(file, &index, sizeof index, MSG_WAITALL);
  } while (n < 0 && errno == EINTR);
  return n == static_cast<ssize_t>(sizeof index) ? std::optional(index) : std::nullopt;
}

std::string answer(const std::function<std::string()>& work) {
  const auto tagged = [](Outcome outcome, const std::string& text) {
    return std::string(1, static_cast<char>(outcome)) + text;
  };
  try {
    return tagged(Outcome::kResult, work());
  } catch (const ModelError& e) {
    return tagged(Outcome::kModelError, e.what());
  } catch (const std::logic_error& e) {
    return tagged(Outcome::kLogicError, e.what());
  } catch (const std::exception& e) {
    return tagged(Outcome::kError, e.what());
  }
}

bool is_result(const std::string& message) {
  return !message.empty() && message[0] == static_cast<char>(Outcome::kResult);
}

std::string result_of(const std::optional<std::string>& message, int status) {
  if (!message && WIFSIGNALED(status)) {
    throw std::runtime_error(
        fmt::format("the simulation process ended by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status))));
  }
  if (!message) {
    throw std::runtime_error(fmt::format("the simulation process ended with exit code {} and no result",
                                         WIFEXITED(status) ? WEXITSTATUS(status) : -1));
  }
  const std::string text = message->substr(1);
  switch (static_cast<Outcome>((*message)[0])) {
    case Outcome::kResult:
      return text;
    case Outcome::kModelError: {
      const std::size_t colon = text.find(": ");
      throw ModelError(text.substr(0, colon), colon == std::string::npos ? "" : text.substr(colon + 2));
    }
    case Outcome::kLogicError:
      throw std::logic_error(text);
    case Outcome::kError:
      break;
  }
  throw std::runtime_error(text);
}

}  // namespace mantissa::study
