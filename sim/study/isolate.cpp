// SPDX-License-Identifier: Apache-2.0
#include "study/isolate.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <set>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "study/process_memory.h"

namespace mantissa::study {
namespace {

// The first byte of what the child sends.
enum class Outcome : char { kResult = 'r', kModelError = 'm', kLogicError = 'l', kError = 'e' };

void write_all(int file, const std::string& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t n = write(file, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno != EINTR) {
      return;  // the parent has gone: nobody to tell
    }
    done += n > 0 ? static_cast<std::size_t>(n) : 0;
  }
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

using Clock = std::chrono::steady_clock;

struct Child {
  std::size_t index = 0;
  pid_t pid = -1;
  int file = -1;  // what it sends
  std::string bytes;
  Clock::time_point deadline = Clock::time_point::max();
  bool late = false;  // killed at its deadline
};

// In a child of run_all_isolated: nothing was elaborated here yet.
bool fresh_process = false;

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

Child start(std::size_t index, const std::function<std::string()>& work) {
  int ends[2];
  if (pipe(ends) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe");
  }
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) {
    const int code = errno;
    close(ends[0]);
    close(ends[1]);
    throw std::system_error(code, std::generic_category(), "fork");
  }
  if (pid == 0) {
    follow(parent);
    close(ends[0]);
    write_all(ends[1], answer(work));
    close(ends[1]);
    _exit(0);  // no destructors, no flushing of buffers that belong to the parent
  }
  close(ends[1]);
  return {index, pid, ends[0], {}};
}

// Reads what is there. False at the end.
bool read_some(Child& child) {
  char buffer[1 << 16];
  const ssize_t n = read(child.file, buffer, sizeof buffer);
  if (n > 0) {
    child.bytes.append(buffer, static_cast<std::size_t>(n));
  }
  return n > 0 || (n < 0 && errno == EINTR);
}

// After its last byte, or its end.
int reap(const Child& child) {
  close(child.file);
  int status = 0;
  while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

// What the child returned, or throws what it threw.
std::string result_of(const Child& child, int status) {
  if (WIFSIGNALED(status)) {
    throw std::runtime_error(
        fmt::format("the simulation process ended by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status))));
  }
  if (child.bytes.empty()) {
    throw std::runtime_error(fmt::format("the simulation process ended with exit code {} and no result",
                                         WIFEXITED(status) ? WEXITSTATUS(status) : -1));
  }
  const std::string text = child.bytes.substr(1);
  switch (static_cast<Outcome>(child.bytes[0])) {
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

// Children that run. Those that are left at the end (an exception) are killed.
class Children {
 public:
  Children() = default;
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;
  ~Children() {
    for (const Child& child : running_) {
      kill(child.pid, SIGKILL);
      reap(child);
    }
  }

  std::size_t count() const { return running_.size(); }
  void add(Child child) { running_.push_back(std::move(child)); }

  // Waits until something happens. Those that have sent all or are late leave the list.
  std::vector<Child> wait() {
    std::vector<pollfd> files;
    auto deadline = Clock::time_point::max();
    for (const Child& child : running_) {
      files.push_back({child.file, POLLIN, 0});
      deadline = std::min(deadline, child.deadline);
    }
    if (poll(files.data(), files.size(), milliseconds_to(deadline)) < 0 && errno != EINTR) {
      throw std::system_error(errno, std::generic_category(), "poll");
    }
    const auto now = Clock::now();
    std::vector<Child> ended, left;
    for (std::size_t i = 0; i < running_.size(); ++i) {
      Child& child = running_[i];
      const bool open = (files[i].revents & (POLLIN | POLLHUP | POLLERR)) == 0 || read_some(child);
      child.late = open && now >= child.deadline;
      if (child.late) {
        kill(child.pid, SIGKILL);
      }
      (open && !child.late ? left : ended).push_back(std::move(child));
    }
    running_ = std::move(left);
    return ended;
  }

 private:
  static int milliseconds_to(Clock::time_point deadline) {
    if (deadline == Clock::time_point::max()) {
      return -1;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count() + 1;
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
  }

  std::vector<Child> running_;
};

}  // namespace

std::string run_isolated(const std::function<std::string()>& work) {
  if (std::exchange(fresh_process, false)) {
    return work();
  }
  Child child = start(0, work);
  while (read_some(child)) {
  }
  return result_of(child, reap(child));
}

void run_all_isolated(std::size_t count, const IsolateOptions& options,
                      const std::function<std::string(std::size_t)>& work,
                      const std::function<void(std::size_t, const std::string&, const std::string&)>& done) {
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  const std::size_t most = static_cast<std::size_t>(options.jobs > 0 ? options.jobs : cores);
  const int threads = std::max(1, cores / static_cast<int>(most));
  release_memory();
  Children children;
  std::vector<std::size_t> again;
  std::set<std::size_t> tried_again;
  std::size_t next = 0;
  const auto start_next = [&] {
    const bool repeat = !again.empty();
    const std::size_t index = repeat ? again.back() : next;
    repeat ? again.pop_back() : static_cast<void>(++next);
    Child child = start(index, [&] {
      fresh_process = true;
      keep_memory();
      limit_threads(threads);
      return work(index);
    });
    if (options.time_limit_s > 0) {
      child.deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                          std::chrono::duration<double>(std::min(options.time_limit_s, 1e8)));
    }
    children.add(std::move(child));
  };
  const auto fill = [&] {
    while ((next < count || !again.empty()) && children.count() < most) {
      start_next();
    }
  };
  struct Ended {
    Child child;
    int status;
  };
  for (fill(); children.count() > 0; fill()) {
    std::vector<Ended> ended;
    for (Child& child : children.wait()) {
      const int status = reap(child);
      if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && !child.late && tried_again.insert(child.index).second) {
        again.push_back(child.index);
      } else {
        ended.push_back({std::move(child), status});
      }
    }
    fill();  // the cores have work while results are put away
    for (const auto& [child, status] : ended) {
      std::string bytes, error;
      try {
        if (child.late) {
          throw std::runtime_error(fmt::format("stopped at the time limit of {} s", options.time_limit_s));
        }
        bytes = result_of(child, status);
      } catch (const std::logic_error& e) {
        error = std::string("internal error: ") + e.what();
      } catch (const std::exception& e) {
        error = e.what();
      }
      done(child.index, bytes, error);
    }
    if (options.settle && !ended.empty()) {
      options.settle();
    }
  }
}

}  // namespace mantissa::study
