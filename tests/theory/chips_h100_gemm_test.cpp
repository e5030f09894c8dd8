// SPDX-License-Identifier: Apache-2.0
// BF16 matrix products on the H100 model against measured latencies (tests/data/h100). Not blind: docs/validation.md
// states the result and which choices were made looking at rows of this collection.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "hardware/machine.h"
#include "support/chips.h"

namespace mantissa::chips {
namespace {

struct Measured {
  std::int64_t m = 0, n = 0, k = 0;
  double us = 0;
};

std::vector<Measured> read_rows() {
  std::ifstream file(std::string(MANTISSA_SOURCE_DIR) + "/tests/data/h100/gemm_bf16.csv");
  std::vector<Measured> rows;
  std::string line;
  std::getline(file, line);  // header: chip,dtype,m,n,k,latency_us
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string chip, dtype, m, n, k, us;
    for (std::string* field : {&chip, &dtype, &m, &n, &k, &us}) {
      std::getline(fields, *field, ',');
    }
    rows.push_back({std::stoll(m), std::stoll(n), std::stoll(k), std::stod(us)});
  }
  return rows;
}

TEST(H100Gemm, IsWithinFifteenPerCentOfSiliconOnAverage) {
  const config::Chip chip = test::shipped_chip("h100_sxm");
  const config::Precision& precision = *chip.find_precision("bf16");
  const auto mapper = make_mapper(chip, precision);
  hardware::Machine machine("chip", chip);
  const auto rows = read_rows();
  ASSERT_GT(rows.size(), 80u);
  double absolute = 0, signed_sum = 0, worst = 0;
  int within_20 = 0;
  for (const Measured& row : rows) {
    const test::TestKernel kernel(test::gemm_kernel(1, row.m, row.n, row.k), {row.m * row.k * 2, row.n * row.k * 2},
                                  row.m * row.n * 2);
    const MappedKernel mapped = mapper->map(kernel.placed);
    const double us = at(machine.run(mapped.schedule, mapped.overhead).timeline.total, chip.clock()).count() * 1e6;
    const double error = us / row.us - 1;
    absolute += std::abs(error);
    signed_sum += error;
    worst = std::max(worst, std::abs(error));
    within_20 += std::abs(error) <= 0.20;
  }
  const double count = static_cast<double>(rows.size());
  std::printf("%zu rows: mean absolute error %.1f %%, mean %.1f %%, worst %.0f %%, within 20 %%: %.0f %%\n",
              rows.size(), 100 * absolute / count, 100 * signed_sum / count, 100 * worst, 100 * within_20 / count);
  EXPECT_LT(absolute / count, 0.15);
  EXPECT_LT(std::abs(signed_sum / count), 0.10);
}

}  // namespace
}  // namespace mantissa::chips
