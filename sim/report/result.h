// SPDX-License-Identifier: Apache-2.0
// The result of one run as plain data. Everything that a table, JSON or a later tool shows is in here.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "energy/counters.h"
#include "energy/model.h"

namespace mantissa::report {

inline constexpr int kSchemaVersion = 1;

struct KernelRow {
  std::string name, kind;  // kind: gemm, conv, depthwise, vector, reduce, attention, copy
  std::string shape;       // "64x56x56 -> 64x56x56 k3 s1"
  std::string precision;   // of a matrix kernel in a run at several precisions; else empty
  std::string mapping;     // how it was tiled: "128x256 tiles, 2 splits of K"
  std::int64_t repeat = 1;
  energy::Counters counters;      // of one repetition
  energy::Breakdown energy;       // of one repetition
  Seconds time{}, roofline{};     // of one repetition
  std::string bound_by;           // matrix, vector, dram, shared, staging, dispatch, imbalance
  double unit_busy = 0;           // matrix-unit cycles / total, 0..1
  double multipliers_useful = 0;  // useful MACs / (multipliers x total cycles), 0..1
  std::optional<double> sqnr_db;  // of its output, where accuracy was measured
};

struct AccuracyResult {
  enum class Metric { kTop1, kPerplexity };
  Metric metric = Metric::kTop1;
  double top1_reference = 0, top1 = 0;  // 0..1; of texts: next tokens
  // kTop1
  std::int64_t images = 0;
  double difference = 0, difference_low = 0, difference_high = 0, mcnemar_p = 1;
  // kPerplexity; infinite where logits were not finite. Differences: mean loss in nats per token.
  std::int64_t sequences = 0, tokens = 0;
  double perplexity_reference = 0, perplexity = 0;
  double nats_difference = 0, nats_low = 0, nats_high = 0;
};

struct RunResult {
  std::string chip, chip_title, workload, precision;
  std::string chip_file, chip_hash, workload_file, workload_hash, version;
  std::int64_t batch = 1;
  double clock_mhz = 0, nominal_clock_mhz = 0;
  std::vector<KernelRow> kernels;
  energy::Counters totals;
  energy::Breakdown energy;             // of one batch
  Seconds latency{}, roofline{};        // of one batch
  double images_per_second = 0;         // inputs (images, texts): batch / latency
  Watts average_power{}, peak_power{};  // peak: of the hungriest kernel
  Joules energy_per_inference{};
  Bytes weights{}, activations_peak{};
  std::int64_t parameters = 0;
  Macs macs{};
  double peak_macs_per_second = 0;  // of the chip at this precision and clock
  BytesPerSecond dram_peak{};       // of the chip's DRAM interfaces
  std::optional<AccuracyResult> accuracy;
  std::string accuracy_note;         // why there is none
  std::vector<std::string> assumed;  // keys of the chip file that no source backs
};

}  // namespace mantissa::report
