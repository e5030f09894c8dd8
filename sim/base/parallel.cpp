// SPDX-License-Identifier: Apache-2.0
#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace mantissa {

namespace {

std::atomic<int> most_threads{0};  // 0: no limit

}  // namespace

void limit_threads(int threads) {
  most_threads = threads;
}

void parallel_for(std::int64_t count, const std::function<void(std::int64_t)>& body, int threads) {
  if (threads <= 0) {
    const int machine = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    threads = most_threads > 0 ? std::min(most_threads.load(), machine) : machine;
  }
  threads = static_cast<int>(std::min<std::int64_t>(threads, count));
  if (threads <= 1) {
    for (std::int64_t i = 0; i < count; ++i) {
      body(i);
    }
    return;
  }
  std::atomic<std::int64_t> next{0};
  std::exception_ptr failure;
  std::mutex failure_mutex;
  const auto work = [&] {
    try {
      for (std::int64_t i = next++; i < count; i = next++) {
        body(i);
      }
    } catch (...) {
      const std::lock_guard lock(failure_mutex);
      if (!failure) {
        failure = std::current_exception();
      }
      next = count;
    }
  };
  {
    std::vector<std::jthread> pool;
    for (int t = 1; t < threads; ++t) {
      pool.emplace_back(work);
    }
    work();
  }
  if (failure) {
    std::rethrow_exception(failure);
  }
}

}  // namespace mantissa
