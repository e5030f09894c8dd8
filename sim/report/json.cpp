// SPDX-License-Identifier: Apache-2.0
#include "report/json.h"

#include <cmath>

#include "report/json_parts.h"

namespace mantissa::report {
namespace {

Json timeline_json(const energy::Timeline& t) {
  return Json{{"total_cycles", t.total.count()},           {"matrix_cycles", t.matrix.count()},
              {"vector_cycles", t.vector.count()},         {"wait_load_cycles", t.wait_load.count()},
              {"wait_store_cycles", t.wait_store.count()}, {"idle_cycles", t.idle.count()},
              {"overhead_cycles", t.overhead.count()}};
}

Json counters_json(const energy::Counters& c) {
  return Json{{"timeline", timeline_json(c.timeline)},
              {"macs_count", c.macs.count()},
              {"mac_slots_count", c.mac_slots.count()},
              {"mac_capacity_count", c.mac_capacity.count()},
              {"dram_read_bytes", c.dram_read.count()},
              {"dram_write_bytes", c.dram_write.count()},
              {"shared_read_bytes", c.shared_read.count()},
              {"shared_write_bytes", c.shared_write.count()},
              {"staging_read_bytes", c.staging_read.count()},
              {"staging_write_bytes", c.staging_write.count()},
              {"vector_ops_count", c.vector_ops},
              {"special_ops_count", c.special_ops},
              {"dram_device",
               {{"activates_count", c.dram.activates},
                {"reads_count", c.dram.reads},
                {"writes_count", c.dram.writes},
                {"refreshes_count", c.dram.refreshes},
                {"row_hits_count", c.dram.row_hits},
                {"row_misses_count", c.dram.row_misses},
                {"read_bytes", c.dram.read_bytes.count()},
                {"write_bytes", c.dram.write_bytes.count()}}}};
}

Json energy_json(const energy::Breakdown& e) {
  return Json{{"total_j", e.total().count()},
              {"matrix_j", e.matrix.count()},
              {"vector_j", e.vector.count()},
              {"staging_j", e.staging.count()},
              {"shared_j", e.shared.count()},
              {"dram_j", e.dram.count()},
              {"dram_background_j", e.dram_background.count()},
              {"idle_j", e.idle.count()},
              {"active_j", e.active.count()}};
}

Json kernel_json(const KernelRow& k) {
  Json json{{"name", k.name},
            {"kind", k.kind},
            {"shape", k.shape},
            {"mapping", k.mapping},
            {"repeat_count", k.repeat},
            {"time_s", k.time.count()},
            {"roofline_s", k.roofline.count()},
            {"bound_by", k.bound_by},
            {"unit_busy_ratio", k.unit_busy},
            {"multipliers_useful_ratio", k.multipliers_useful},
            {"counters", counters_json(k.counters)},
            {"energy", energy_json(k.energy)}};
  if (!k.precision.empty()) {
    json["precision"] = k.precision;
  }
  if (k.sqnr_db) {
    // JSON has no infinity: an output that equals the reference has no noise to compare with.
    json["sqnr_db"] = std::isfinite(*k.sqnr_db) ? Json(*k.sqnr_db) : Json(nullptr);
    json["identical_to_reference"] = std::isinf(*k.sqnr_db) && *k.sqnr_db > 0;
  }
  return json;
}

Json result_json(const RunResult& r) {
  Json json{{"chip", r.chip},
            {"chip_title", r.chip_title},
            {"workload", r.workload},
            {"precision", r.precision},
            {"batch_count", r.batch},
            {"provenance",
             {{"version", r.version},
              {"chip_file", r.chip_file},
              {"chip_hash", r.chip_hash},
              {"workload_file", r.workload_file},
              {"workload_hash", r.workload_hash},
              {"assumed", r.assumed}}},
            {"clock_mhz", r.clock_mhz},
            {"nominal_clock_mhz", r.nominal_clock_mhz},
            {"latency_s", r.latency.count()},
            {"roofline_s", r.roofline.count()},
            {"inputs_per_s", r.images_per_second},
            {"average_power_w", r.average_power.count()},
            {"peak_power_w", r.peak_power.count()},
            {"energy_per_input_j", r.energy_per_inference.count()},
            {"parameters_count", r.parameters},
            {"macs_count", r.macs.count()},
            {"peak_macs_per_s", r.peak_macs_per_second},
            {"dram_peak_bytes_per_s", r.dram_peak.count()},
            {"weights_bytes", r.weights.count()},
            {"activations_peak_bytes", r.activations_peak.count()}};
  json["accuracy"] = r.accuracy ? accuracy_json(*r.accuracy) : Json(nullptr);
  if (!r.accuracy) {
    json["accuracy_note"] = r.accuracy_note;
  }
  json["energy"] = energy_json(r.energy);
  json["totals"] = counters_json(r.totals);
  json["kernels"] = Json::array();
  for (const KernelRow& k : r.kernels) {
    json["kernels"].push_back(kernel_json(k));
  }
  return json;
}

}  // namespace

std::string to_json(std::span<const RunResult> results, const std::string& title) {
  Json json{{"schema_version", kSchemaVersion}, {"title", title}};
  json["results"] = Json::array();
  for (const RunResult& r : results) {
    json["results"].push_back(result_json(r));
  }
  // Names come from users' files; bytes that are no UTF-8 are replaced, not thrown at them.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace mantissa::report
