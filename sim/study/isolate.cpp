// SPDX-License-Identifier: Apache-2.0
#include "study/isolate.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <list>
#include <optional>
#include <set>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "study/child_process.h"
#include "study/process_memory.h"

namespace mantissa::study {
namespace {

using Clock = std::chrono::steady_clock;
using Work = std::function<std::string(std::size_t)>;

// In a child of run_all_isolated: this call forks no more.
bool isolated_here = false;

// How a call ended.
struct Ended {
  std::size_t index = 0;
  std::optional<std::string> message;
  int status = 0;      // of the process, where there is no message
  bool late = false;   // killed at its deadline
  bool first = false;  // of its process
};

struct Worker {
  ChildProcess process;
  std::optional<std::size_t> index;  // what it works on
  std::size_t calls = 0;             // with this one
  Clock::time_point deadline{};
};

// The child's side.
void serve(int file, std::size_t index, std::size_t most_calls, int threads, const Work& work) {
  keep_memory();
  limit_threads(threads);
  std::optional<std::size_t> next = index;
  for (std::size_t calls = 1; next; ++calls) {
    isolated_here = true;
    const std::string message = answer([&] { return work(*next); });
    send_message(file, message);
    if (calls >= most_calls || !is_result(message)) {
      return;
    }
    next = receive_work(file);
  }
}

// Processes that work. Those that are left at the end (an exception) are killed.
class Workers {
 public:
  Workers(std::size_t count, const IsolateOptions& options, const Work& work)
      : count_(count),
        options_(options),
        work_(work),
        cores_(std::max(1, static_cast<int>(std::thread::hardware_concurrency()))),
        most_(static_cast<std::size_t>(options.jobs > 0 ? options.jobs : cores_)) {}

  bool busy() const { return !workers_.empty(); }

  // Gives work to all that can have some.
  void fill() {
    for (auto at = workers_.begin(); at != workers_.end();) {
      if (at->index) {
        ++at;
      } else if (next_ < count_ && again_.empty()) {
        begin(*at, next_++);
        at->process.send(*at->index);
        ++at;
      } else {
        at->process.close_work();
        at->process.reap();
        at = workers_.erase(at);
      }
    }
    while (workers_.size() < most_ && (next_ < count_ || !again_.empty())) {
      start();
    }
  }

  // Waits until something happens. What ended and is not to be tried again.
  std::vector<Ended> wait() {
    std::vector<pollfd> files;
    auto deadline = Clock::time_point::max();
    for (const Worker& worker : workers_) {
      files.push_back({worker.process.file(), POLLIN, 0});
      deadline = std::min(deadline, worker.deadline);
    }
    if (poll(files.data(), files.size(), milliseconds_to(deadline)) < 0) {
      if (errno != EINTR) {
        throw std::system_error(errno, std::generic_category(), "poll");
      }
      return {};
    }
    const auto now = Clock::now();
    std::vector<Ended> ended;
    std::size_t i = 0;
    for (auto at = workers_.begin(); at != workers_.end(); ++i) {
      const bool open = (files[i].revents & (POLLIN | POLLHUP | POLLERR)) == 0 || at->process.read_some();
      at = take(at, open, now, ended) ? workers_.erase(at) : std::next(at);
    }
    return ended;
  }

 private:
  void begin(Worker& worker, std::size_t index) const {
    worker.index = index;
    ++worker.calls;
    worker.deadline = options_.time_limit_s > 0
                          ? Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                               std::chrono::duration<double>(std::min(options_.time_limit_s, 1e8)))
                          : Clock::time_point::max();
  }

  void start() {
    std::size_t index = 0;
    if (again_.empty()) {
      index = next_++;
    } else {
      index = again_.back();
      again_.pop_back();
    }
    const int threads = std::max(1, cores_ / static_cast<int>(most_));
    const std::size_t most_calls = std::max<std::size_t>(1, options_.calls_per_process);
    workers_.push_back({ChildProcess([&](int file) { serve(file, index, most_calls, threads, work_); }), {}, 0, {}});
    begin(workers_.back(), index);
  }

  // What there is of a worker. True when its process has ended.
  bool take(std::list<Worker>::iterator at, bool open, Clock::time_point now, std::vector<Ended>& ended) {
    Ended end{*at->index, at->process.take_message(), 0, false, at->calls == 1};
    end.late = open && !end.message && now >= at->deadline;
    if (open && !end.message && !end.late) {
      return false;
    }
    at->index.reset();
    const bool goes_on = open && end.message && is_result(*end.message) &&
                         at->calls < std::max<std::size_t>(1, options_.calls_per_process);
    if (!goes_on) {
      if (end.late) {
        at->process.kill();
      }
      end.status = at->process.reap();
    }
    if (to_be_repeated(end)) {
      again_.push_back(end.index);
    } else {
      ended.push_back(std::move(end));
    }
    return !goes_on;
  }

  bool to_be_repeated(const Ended& end) {
    if (end.late || (end.message && is_result(*end.message))) {
      return false;
    }
    const bool killed = !end.message && WIFSIGNALED(end.status) && WTERMSIG(end.status) == SIGKILL;
    return !end.first || (killed && tried_again_.insert(end.index).second);
  }

  static int milliseconds_to(Clock::time_point deadline) {
    if (deadline == Clock::time_point::max()) {
      return -1;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count() + 1;
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
  }

  const std::size_t count_;
  const IsolateOptions& options_;
  const Work& work_;
  const int cores_;
  const std::size_t most_;
  std::list<Worker> workers_;
  std::size_t next_ = 0;
  std::vector<std::size_t> again_;     // for a new process
  std::set<std::size_t> tried_again_;  // that somebody killed
};

}  // namespace

std::string run_isolated(const std::function<std::string()>& work) {
  if (std::exchange(isolated_here, false)) {
    return work();
  }
  ChildProcess child([&](int file) { send_message(file, answer(work)); });
  while (child.read_some()) {
  }
  const auto message = child.take_message();
  return result_of(message, child.reap());
}

void run_all_isolated(std::size_t count, const IsolateOptions& options, const Work& work,
                      const std::function<void(std::size_t, const std::string&, const std::string&)>& done) {
  release_memory();
  Workers workers(count, options, work);
  for (workers.fill(); workers.busy(); workers.fill()) {
    const std::vector<Ended> ended = workers.wait();
    workers.fill();  // the cores have work while results are put away
    for (const Ended& end : ended) {
      std::string bytes, error;
      try {
        if (end.late) {
          throw std::runtime_error(fmt::format("stopped at the time limit of {} s", options.time_limit_s));
        }
        bytes = result_of(end.message, end.status);
      } catch (const std::logic_error& e) {
        error = std::string("internal error: ") + e.what();
      } catch (const std::exception& e) {
        error = e.what();
      }
      done(end.index, bytes, error);
    }
    if (options.settle && !ended.empty()) {
      options.settle();
    }
  }
}

}  // namespace mantissa::study
