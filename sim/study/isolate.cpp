// SPDX-License-Identifier: Apache-2.0
#include "study/isolate.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"

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

struct Child {
  std::size_t index = 0;
  pid_t pid = -1;
  int file = -1;  // what it sends
  std::string bytes;
};

Child start(std::size_t index, const std::function<std::string()>& work) {
  int ends[2];
  if (pipe(ends) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe");
  }
  const pid_t pid = fork();
  if (pid < 0) {
    const int code = errno;
    close(ends[0]);
    close(ends[1]);
    throw std::system_error(code, std::generic_category(), "fork");
  }
  if (pid == 0) {
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

// After its last byte. What the child returned, or throws what it threw.
std::string finish(const Child& child) {
  close(child.file);
  int status = 0;
  while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
  }
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

// Reads from the children that have sent something; those that have ended leave the list.
std::vector<Child> poll_children(std::vector<Child>& running) {
  std::vector<pollfd> files;
  for (const Child& child : running) {
    files.push_back({child.file, POLLIN, 0});
  }
  if (poll(files.data(), files.size(), -1) < 0 && errno != EINTR) {
    throw std::system_error(errno, std::generic_category(), "poll");
  }
  std::vector<Child> ended, left;
  for (std::size_t i = 0; i < running.size(); ++i) {
    const bool open = (files[i].revents & (POLLIN | POLLHUP | POLLERR)) == 0 || read_some(running[i]);
    (open ? left : ended).push_back(std::move(running[i]));
  }
  running = std::move(left);
  return ended;
}

}  // namespace

std::string run_isolated(const std::function<std::string()>& work) {
  Child child = start(0, work);
  while (read_some(child)) {
  }
  return finish(child);
}

void run_all_isolated(std::size_t count, int jobs, const std::function<std::string(std::size_t)>& work,
                      const std::function<void(std::size_t, const std::string&, const std::string&)>& done) {
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  const std::size_t most = static_cast<std::size_t>(jobs > 0 ? jobs : cores);
  const int threads = std::max(1, cores / static_cast<int>(most));
  std::vector<Child> running;
  std::size_t next = 0;
  while (next < count || !running.empty()) {
    while (next < count && running.size() < most) {
      running.push_back(start(next, [&, next] {
        limit_threads(threads);
        return work(next);
      }));
      ++next;
    }
    for (const Child& child : poll_children(running)) {
      std::string bytes, error;
      try {
        bytes = finish(child);
      } catch (const std::logic_error& e) {
        error = std::string("internal error: ") + e.what();
      } catch (const std::exception& e) {
        error = e.what();
      }
      done(child.index, bytes, error);
    }
  }
}

}  // namespace mantissa::study
