// SPDX-License-Identifier: Apache-2.0
// How fast the DRAM model serves requests, without the SystemC kernel around it: million requests (or row-sized runs)
// per second.
//   stream 32 B, random 64 B   the request streams of the reference runs, one channel and a whole device
//   404 MB                     one read in pieces, as a DMA engine sends them: CPU milliseconds
#include <fmt/format.h>

#include <ctime>

#include "hardware/dram_patterns.h"
#include "support/dram_sets.h"

namespace {

using namespace mantissa;

// CPU time of the fastest of five runs: other work on the machine disturbs it least.
double seconds_of(const std::function<void()>& work) {
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    const std::clock_t begin = std::clock();
    work();
    best = std::min(best, static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
  }
  return best;
}

void measure_requests(const char* name, const config::Dram& dram, int window) {
  constexpr std::int64_t kRequests = 1'000'000;
  for (const char* pattern : {"seq_read", "seq_write", "seq_rw21", "rand_read"}) {
    const double seconds =
        seconds_of([&] { testing::closed_loop(dram, kRequests, window, testing::pattern(pattern)); });
    fmt::print("{:<22} {:<10} {:6.1f} M requests/s (the generator included)\n", name, pattern,
               kRequests / seconds * 1e-6);
  }
}

void measure_fidelities(const char* name, config::Dram dram, int window) {
  constexpr std::int64_t kRequests = 500'000;
  for (const auto fidelity : {config::DramFidelity::kCommand, config::DramFidelity::kBurst}) {
    dram.fidelity = fidelity;
    const char* const word = fidelity == config::DramFidelity::kBurst ? "burst" : "command";
    for (const char* pattern : {"seq_read", "seq_write", "dma21", "rand_read", "rand_rw21"}) {
      const double seconds = seconds_of([&] { hardware::run_pattern(dram, pattern, kRequests, window); });
      fmt::print("{:<22} {:<8} {:<10} {:6.2f} M requests/s\n", name, word, pattern, kRequests / seconds * 1e-6);
    }
  }
  const double seconds = seconds_of([&] {
    hardware::DramTiming timing(dram);
    std::int64_t now = 0;
    for (std::int64_t i = 0; i < 100'000; ++i) {
      now = std::max(now, timing.serve(now, i * 4096, 4096, false) - 100'000);
    }
  });
  fmt::print("{:<22} burst    dma        {:6.1f} M requests/s\n", name, 100'000 * 128 / seconds * 1e-6);
}

void measure_transfer(const char* name, const config::Dram& dram) {
  constexpr std::int64_t kBytes = 404'000'000;
  for (const std::int64_t piece : {4096, 16384, 65536, 1 << 20, 404'000'000}) {
    std::int64_t runs = 0;
    const double seconds = seconds_of([&] {
      hardware::DramTiming timing(dram);
      std::int64_t now = 0;
      for (std::int64_t at = 0; at < kBytes; at += piece) {
        now = std::max(now, timing.serve(now, at, std::min(piece, kBytes - at), false) - 1'000'000);
      }
      const auto counters = timing.counters(now);
      runs = counters.row_hits + counters.row_misses;
    });
    fmt::print("{:<22} 404 MB in {:>9} B: {:7.1f} ms, {:6.1f} M row runs/s\n", name, piece, seconds * 1e3,
               static_cast<double>(runs) / seconds * 1e-6);
  }
}

}  // namespace

int main() {
  measure_fidelities("HBM2 2.0, 1 channel", testing::hbm2_2000(1), 64);
  measure_fidelities("HBM3 5.2, 16 channels", testing::hbm3_5200(16), 1024);
  measure_requests("HBM2 2.0, 1 channel", testing::hbm2_2000(1), 64);
  measure_requests("HBM3 5.2, 16 channels", testing::hbm3_5200(16), 2048);
  measure_transfer("HBM2 2.4, 32 channels", testing::hbm2_2400(32));
  measure_transfer("HBM3 5.2, 80 channels", testing::hbm3_5200(80));
  return 0;
}
