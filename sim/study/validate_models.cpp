// SPDX-License-Identifier: Apache-2.0
// One table for all that is known of whole chips: specifications, power, products, networks; told apart by workload and
// metric.
#include "study/validate.h"

namespace mantissa::study {

report::ValidationRow models_row(const MeasuredTable& table, const MeasuredTable::Row& row) {
  report::ValidationRow r;
  r.id = table.text(row, "id");
  if (r.id.empty()) {
    throw table.error(table.field(row, "id"), "this field is empty; every row needs one");
  }
  r.what = table.text(row, "workload");
  r.unit = table.text(row, "unit").empty() ? "-" : table.text(row, "unit");
  r.source = table.text(row, "source");
  r.note = table.text(row, "notes");
  r.measured = table.number(row, "value");
  return r;
}

void interpret_models(const MeasuredTable& table, ValidationInput& input) {
  for (const MeasuredTable::Row& row : table.rows()) {
    if (table.text(row, "chip") == "process") {
      continue;  // interpret_process, all at once
    }
    if (!input.is_of(table.text(row, "chip")) || interpret_power(table, row, input) ||
        interpret_specification(table, row, input) || interpret_library_product(table, row, input)) {
      continue;
    }
    if (table.text(row, "unit").starts_with("cycles")) {
      report::ValidationRow r = models_row(table, row);
      r.unit = "cycles";
      add_cycles(table, table.field(row, "workload"), std::move(r), input);
      continue;
    }
    if (interpret_network(table, row, input)) {
      continue;
    }
    report::ValidationRow r = models_row(table, row);
    r.group = "other", r.group_order = kOtherOrder;
    input.add_not_modelled(std::move(r), "no model for this workload and metric: " + table.text(row, "metric"));
  }
  interpret_process(table, input);
}

}  // namespace mantissa::study
