// SPDX-License-Identifier: Apache-2.0
#include "hardware/dram_patterns.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <queue>
#include <random>
#include <vector>

#include "base/error.h"
#include "hardware/dram_device.h"
#include "hardware/dram_timing.h"

namespace mantissa::hardware {
namespace {

constexpr std::int64_t kSpan = std::int64_t{1} << 30;  // of the addresses
constexpr std::int64_t kBlock = 64;                    // random and strided streams touch blocks of so many bytes

std::int64_t stride_of(const std::string& name) {
  std::int64_t stride = 0;
  const char* const end = name.data() + name.size();
  if (!name.starts_with("stride") || std::from_chars(name.data() + 6, end, stride).ptr != end || stride < kBlock ||
      stride > kSpan / 2) {
    throw ModelError("dram", "no request stream is called '" + name +
                                 "'; there are seq_read, seq_write, seq_rw21, dma21, rand_read, rand_write, rand_rw21, "
                                 "stride<bytes>, idle_lat, seq_lat1");
  }
  return stride;
}

class Pacer {  // when the i-th request may come, in ticks
 public:
  Pacer(const config::Dram& dram, const DramTicks& ticks, double load) {
    if (load > 0) {
      const double ns = static_cast<double>(dram.burst.count()) / (dram.peak().count() * load) * 1e9;
      ticks_per_request_ = ns * 1e6 / static_cast<double>(ticks.tick_fs);
    }
  }
  Ticks of(std::int64_t i) const { return static_cast<Ticks>(static_cast<double>(i) * ticks_per_request_); }

 private:
  double ticks_per_request_ = 0;
};

void summarize(DramPatternResult& r, const config::Dram& dram, std::int64_t requests) {
  const double bytes = static_cast<double>(requests * dram.burst.count());
  r.bytes_per_second = r.seconds > 0 ? bytes / r.seconds : 0;
  r.efficiency = r.bytes_per_second / dram.peak().count();
  r.row_hits = static_cast<double>(r.counters.row_hits) /
               static_cast<double>(std::max<std::int64_t>(1, r.counters.row_hits + r.counters.row_misses));
}

class LatencySum {
 public:
  void add(double ns) {
    sum_ += ns;
    max_ = std::max(max_, ns);
    ++count_;
  }
  void put(DramPatternResult& r) const {
    r.read_latency_ns = count_ > 0 ? sum_ / static_cast<double>(count_) : 0;
    r.max_read_latency_ns = max_;
  }

 private:
  double sum_ = 0, max_ = 0;
  std::int64_t count_ = 0;
};

DramPatternResult run_bursts(const config::Dram& dram, const std::function<DramStreamRequest(std::int64_t)>& stream,
                             std::int64_t requests, int window, double load) {
  DramTiming timing(dram);
  const DramTicks ticks(dram);
  const Pacer pacer(dram, ticks, load);
  std::priority_queue<std::int64_t, std::vector<std::int64_t>, std::greater<>> under_way;
  std::int64_t now = 0, end = 0;
  LatencySum latency;
  for (std::int64_t i = 0; i < requests; ++i) {
    now = std::max(now, pacer.of(i) * ticks.tick_fs / 1000);
    if (under_way.size() == static_cast<std::size_t>(window)) {
      now = std::max(now, under_way.top());
      under_way.pop();
    }
    const DramStreamRequest r = stream(i);
    const std::int64_t done = timing.serve(now, r.address, dram.burst.count(), r.is_write);
    under_way.push(done);
    end = std::max(end, done);
    if (!r.is_write) {
      latency.add(static_cast<double>(done - now) * 1e-3);
    }
  }
  end = std::max(end, timing.drain(end));
  DramPatternResult result;
  result.seconds = static_cast<double>(end) * 1e-12;
  result.counters = timing.counters(end);
  latency.put(result);
  summarize(result, dram, requests);
  return result;
}

class CommandLoop {
 public:
  CommandLoop(const config::Dram& dram, std::vector<DramCommand>* trace)
      : dram_(dram), mapping_(dram), device_(dram, mapping_) {
    extra_ = std::llround(dram.controller_latency_ns * 1e6 / static_cast<double>(device_.ticks().tick_fs));
    if (trace != nullptr) {
      check(dram.channels == 1, "run_pattern: only one channel can be traced");
      device_.channels().front().trace_to(trace);
    }
  }

  DramPatternResult run(const std::function<DramStreamRequest(std::int64_t)>& stream, std::int64_t requests, int window,
                        double load) {
    const Pacer pacer(dram_, device_.ticks(), load);
    const double ns = static_cast<double>(device_.ticks().tick_fs) * 1e-6;
    std::int64_t issued = 0, completed = 0;
    LatencySum latency;
    Ticks now = 0;
    while (completed < requests) {
      while (issued < requests && issued - completed < window && pacer.of(issued) <= now) {
        const DramStreamRequest r = stream(issued);
        device_.submit(issued++, now, r.address, r.is_write);
      }
      DramController* const channel = soonest();
      Ticks next = under_way_.empty() ? DramController::kNever : under_way_.top();
      if (issued < requests && issued - completed < window) {
        next = std::min(next, pacer.of(issued));
      }
      if (channel != nullptr && channel->next() < next) {
        done_.clear();
        channel->step(done_);
        for (const DramCompletion& d : done_) {
          under_way_.push(d.done + extra_);
          if (!d.is_write) {
            latency.add(static_cast<double>(d.done + extra_ - d.accepted) * ns);
          }
        }
        continue;
      }
      now = std::max(now, next);
      while (!under_way_.empty() && under_way_.top() <= now) {
        under_way_.pop();
        ++completed;
      }
    }
    return finish(latency, now, requests);
  }

 private:
  DramController* soonest() {
    DramController* best = nullptr;
    Ticks at = DramController::kNever;
    for (DramController& channel : device_.channels()) {
      if (channel.next() < at) {
        at = channel.next();
        best = &channel;
      }
    }
    return best;
  }

  DramPatternResult finish(const LatencySum& latency, Ticks now, std::int64_t requests) {
    Ticks end = now;
    for (DramController& channel : device_.channels()) {
      while (channel.pending() > 0) {  // posted writes
        channel.step(done_);
      }
      end = std::max(end, channel.data_end());
    }
    DramPatternResult result;
    result.seconds = static_cast<double>(end) * static_cast<double>(device_.ticks().tick_fs) * 1e-15;
    result.counters = device_.counters();
    latency.put(result);
    summarize(result, dram_, requests);
    return result;
  }

  const config::Dram& dram_;
  DramMapping mapping_;
  DramDevice device_;
  Ticks extra_ = 0;
  std::vector<DramCompletion> done_;
  std::priority_queue<Ticks, std::vector<Ticks>, std::greater<>> under_way_;
};

}  // namespace

std::function<DramStreamRequest(std::int64_t)> dram_pattern(const std::string& name, std::int64_t tx) {
  const std::int64_t per_block = std::max<std::int64_t>(1, kBlock / tx);
  if (name == "seq_read" || name == "seq_lat1") {
    return [tx](std::int64_t i) { return DramStreamRequest{i * tx, false}; };
  }
  if (name == "seq_write") {
    return [tx](std::int64_t i) { return DramStreamRequest{i * tx, true}; };
  }
  if (name == "seq_rw21") {  // two reads, one write
    return [tx](std::int64_t i) { return DramStreamRequest{i * tx, i % 3 == 2}; };
  }
  if (name == "dma21") {  // two read streams and a write stream in 4 KiB pieces
    return [tx, in_piece = 4096 / tx](std::int64_t i) {
      const std::int64_t piece = i / in_piece, stream = piece % 3;
      return DramStreamRequest{stream * (kSpan / 4) + piece / 3 * 4096 + i % in_piece * tx, stream == 2};
    };
  }
  if (name == "idle_lat") {  // one transaction of each block
    return [rng = std::mt19937_64(1)](std::int64_t) mutable {
      return DramStreamRequest{static_cast<std::int64_t>(rng() % (kSpan / kBlock)) * kBlock, false};
    };
  }
  if (name == "rand_read" || name == "rand_write" || name == "rand_rw21") {
    const bool mixed = name == "rand_rw21", write = name == "rand_write";  // mixed: two blocks read, one written
    return [=, block = std::int64_t{0}, rng = std::mt19937_64(1)](std::int64_t i) mutable {
      if (i % per_block == 0) {
        block = static_cast<std::int64_t>(rng() % (kSpan / kBlock)) * kBlock;
      }
      return DramStreamRequest{block + i % per_block * tx, write || (mixed && i / per_block % 3 == 2)};
    };
  }
  return [tx, per_block, stride = stride_of(name)](std::int64_t i) {
    return DramStreamRequest{i / per_block * stride % kSpan + i % per_block * tx, false};
  };
}

DramPatternResult run_pattern(const config::Dram& dram, const std::string& pattern, std::int64_t requests, int window,
                              double offered_load, std::vector<DramCommand>* trace) {
  check(requests >= 0 && window >= 1 && offered_load >= 0, "run_pattern: negative requests or load, or no window");
  const auto stream = dram_pattern(pattern, dram.burst.count());
  if (dram.fidelity == config::DramFidelity::kBurst) {
    return run_bursts(dram, stream, requests, window, offered_load);
  }
  return CommandLoop(dram, trace).run(stream, requests, window, offered_load);
}

}  // namespace mantissa::hardware
