// SPDX-License-Identifier: Apache-2.0
// Chips and kernels for tests.
#pragma once
#include <cstdint>
#include <string>

#include "chips/mapper.h"
#include "config/chip.h"

namespace mantissa::test {

inline config::Chip shipped_chip(const std::string& name) {
  return config::load_chip(std::string(MANTISSA_SOURCE_DIR) + "/configs/" + name + ".yaml");
}

// A kernel with its operands laid out one after the other in DRAM, or all on chip.
struct TestKernel {
  network::Kernel kernel;
  chips::PlacedKernel placed;

  TestKernel(network::Kernel k, std::initializer_list<std::int64_t> read_bytes, std::int64_t write_bytes,
             bool on_chip = false)
      : kernel(std::move(k)) {
    std::uint64_t address = 0;
    const auto stream = [&](std::int64_t bytes) {
      const chips::Stream s{Bytes(bytes), on_chip, address};
      address += static_cast<std::uint64_t>(round_up(bytes, 4096));
      return s;
    };
    for (const std::int64_t bytes : read_bytes) {
      placed.reads.push_back(stream(bytes));
    }
    placed.writes.push_back(stream(write_bytes));
    placed.kernel = &kernel;
  }
  TestKernel(const TestKernel&) = delete;
};

inline network::Kernel gemm_kernel(std::int64_t batch, std::int64_t m, std::int64_t n, std::int64_t k) {
  return {"gemm", {}, network::GemmWork{batch, m, n, k}, {}, {}, 1, 0, 1};
}

// [m x k] by [k x n] with operands of `size` bytes each and results of `result_size`.
inline TestKernel placed_gemm(std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t size,
                              std::int64_t result_size, bool on_chip = false) {
  return {gemm_kernel(1, m, n, k), {m * k * size, n * k * size}, m * n * result_size, on_chip};
}

}  // namespace mantissa::test
