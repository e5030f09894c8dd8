// SPDX-License-Identifier: Apache-2.0
#include "report/step.h"

#include <fmt/format.h>

#include "report/json.h"
#include "report/json_parts.h"
#include "report/table_parts.h"

namespace mantissa::report {
namespace {

double gigabytes(Bytes b) {
  return static_cast<double>(b.count()) / 1e9;
}

// Tokens, or images, of all chips in a second.
double rate(const StepResult& r) {
  return static_cast<double>(r.tokens > 0 ? r.tokens : r.batch) / r.time.count();
}

}  // namespace

std::string step_report(const StepResult& r, Style style) {
  const double ms = 1e3, chips = r.parallel.chips();
  const char* unit = r.tokens > 0 ? "tokens" : "images";
  std::string text = bold(fmt::format("{} of {} on {} x {}, {}, batch {}", r.training ? "Training step" : "Step",
                                      r.workload, r.parallel.chips(), r.chip_title, r.precision, r.batch),
                          style) +
                     "\n";
  const auto line = [&](const std::string& name, const std::string& value) {
    text += fmt::format("  {:<28}{}\n", name, value);
  };
  line("division", fmt::format("data {} x fsdp {} x tensor {}{}", r.parallel.data, r.parallel.fsdp, r.parallel.tensor,
                               r.parallel.tensor_rows > 1 ? fmt::format(" ({} x {})", r.parallel.tensor_rows,
                                                                        r.parallel.tensor / r.parallel.tensor_rows)
                                                          : ""));
  line("time of a step", fmt::format("{:.3f} ms", r.time.count() * ms));
  line("  kernels", fmt::format("{:.3f} ms ({} kernels)", r.compute.count() * ms, r.kernels));
  line("  communication", fmt::format("{:.3f} ms ({} collectives), {:.3f} ms exposed", r.communication.count() * ms,
                                      r.collectives, r.exposed.count() * ms));
  line("throughput", fmt::format("{:.1f} {}/s, {:.1f} for each chip", rate(r), unit, rate(r) / chips));
  line("model FLOPs of a step", fmt::format("{:.4g} on all chips, {:.1f} TFLOPS on each", r.model_flops * chips,
                                            r.model_flops / r.time.count() * 1e-12));
  line("utilization", fmt::format("MFU {:.1f} %, with recomputed work {:.1f} %", r.mfu * 100, r.hfu * 100));
  line("energy of a step",
       fmt::format("{:.4g} J on all chips, {:.1f} W on each", r.energy.count() * chips, r.power.count()));
  line("parameters", with_commas(static_cast<double>(r.parameters)));
  line("memory of a chip",
       fmt::format("{:.2f} GB: weights {:.2f}, optimizer {:.2f}, activations {:.2f}, gathered {:.2f}",
                   gigabytes(r.weights + r.optimizer + r.activations + r.gathered), gigabytes(r.weights),
                   gigabytes(r.optimizer), gigabytes(r.activations), gigabytes(r.gathered)));
  line("sent by a chip", fmt::format("{:.4f} GB", gigabytes(r.sent)));
  TextTable table(style);
  for (const char* column : {"phase", "kind"}) {
    table.column(column, "", TextTable::Align::kLeft);
  }
  table.column("kernels", ""), table.column("time", "ms"), table.column("share", "%"), table.column("matrix", "TFLOPS");
  for (const StepPart& part : r.parts) {
    table.row({part.phase, part.kind, with_commas(static_cast<double>(part.kernels)),
               fmt::format("{:.3f}", part.time.count() * ms), percent(part.time.count() / r.compute.count()),
               part.flops > 0 ? fmt::format("{:.1f}", part.flops / part.time.count() * 1e-12) : ""});
  }
  return text + table.render();
}

std::string step_json(const StepResult& r) {
  const double chips = r.parallel.chips();
  Json result{{"chip", r.chip},
              {"chip_title", r.chip_title},
              {"workload", r.workload},
              {"precision", r.precision},
              {"training", r.training},
              {"batch_count", r.batch},
              {"tokens_count", r.tokens},
              {"parameters_count", r.parameters},
              {"provenance",
               {{"version", r.version},
                {"chip_file", r.chip_file},
                {"chip_hash", r.chip_hash},
                {"workload_file", r.workload_file},
                {"workload_hash", r.workload_hash}}},
              {"parallel",
               {{"chips_count", r.parallel.chips()},
                {"data_count", r.parallel.data},
                {"fsdp_count", r.parallel.fsdp},
                {"tensor_count", r.parallel.tensor},
                {"tensor_rows_count", r.parallel.tensor_rows},
                {"chunked", r.parallel.chunked}}},
              {"time_s", r.time.count()},
              {"per_chip",
               {{"compute_s", r.compute.count()},
                {"communication_s", r.communication.count()},
                {"exposed_communication_s", r.exposed.count()},
                {"sent_bytes", r.sent.count()},
                {"weights_bytes", r.weights.count()},
                {"optimizer_bytes", r.optimizer.count()},
                {"activations_bytes", r.activations.count()},
                {"gathered_bytes", r.gathered.count()},
                {"model_flops_count", r.model_flops},
                {"hardware_flops_count", r.hardware_flops},
                {"mfu_ratio", r.mfu},
                {"hfu_ratio", r.hfu},
                {"energy_j", r.energy.count()},
                {"power_w", r.power.count()},
                {"kernels_count", r.kernels},
                {"collectives_count", r.collectives},
                {"rate_per_s", rate(r) / chips}}},
              {"total",
               {{"rate_per_s", rate(r)},
                {"rate_unit", r.tokens > 0 ? "tokens" : "images"},
                {"model_flops_count", r.model_flops * chips},
                {"energy_j", r.energy.count() * chips},
                {"power_w", r.power.count() * chips}}}};
  result["parts"] = Json::array();
  for (const StepPart& part : r.parts) {
    result["parts"].push_back({{"phase", part.phase},
                               {"kind", part.kind},
                               {"kernels_count", part.kernels},
                               {"time_s", part.time.count()},
                               {"matrix_flops_count", part.flops}});
  }
  const Json json{{"schema_version", kSchemaVersion}, {"step", result}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace mantissa::report
