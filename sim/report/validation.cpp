// SPDX-License-Identifier: Apache-2.0
#include "report/validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "report/csv.h"
#include "report/json_parts.h"
#include "report/result.h"
#include "report/table_parts.h"

namespace mantissa::report {
namespace {

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

ValidationGroup statistics(const std::string& name, const std::vector<const ValidationRow*>& rows) {
  ValidationGroup g;
  g.name = name;
  g.rows = rows.size();
  std::vector<double> absolute;
  double scatter = 0;
  std::size_t scattered = 0;
  for (const ValidationRow* row : rows) {
    if (!row->simulated) {
      continue;
    }
    const double error = row->error();
    absolute.push_back(std::abs(error));
    g.mean += error;
    g.mean_absolute += std::abs(error);
    g.within_10 += std::abs(error) <= 0.10 ? 1 : 0;
    g.within_20 += std::abs(error) <= 0.20 ? 1 : 0;
    if (absolute.size() == 1 || std::abs(error) > std::abs(g.worst)) {
      g.worst = error;
      g.worst_id = row->id;
    }
    if (row->scatter) {
      scatter += *row->scatter;
      ++scattered;
    }
  }
  g.count = absolute.size();
  if (g.count > 0) {
    const double n = static_cast<double>(g.count);
    g.mean /= n, g.mean_absolute /= n, g.within_10 /= n, g.within_20 /= n;
    g.median_absolute = median(std::move(absolute));
  }
  if (scattered > 0) {
    g.scatter = scatter / static_cast<double>(scattered);
  }
  return g;
}

// Rows in the order of their groups; stable.
std::vector<const ValidationRow*> in_order(const Validation& validation) {
  std::vector<const ValidationRow*> rows;
  std::map<std::string, std::size_t> first;
  for (const ValidationRow& row : validation.rows) {
    first.emplace(row.group, rows.size());
    rows.push_back(&row);
  }
  std::stable_sort(rows.begin(), rows.end(), [&](const ValidationRow* a, const ValidationRow* b) {
    return a->group_order != b->group_order ? a->group_order < b->group_order : first[a->group] < first[b->group];
  });
  return rows;
}

std::string signed_percent(double ratio) {
  return fmt::format("{:+.1f}", 100 * ratio);
}

std::string groups_text(const std::vector<ValidationGroup>& groups, Style style) {
  TextTable table(style);
  table.column("group", "", TextTable::Align::kLeft);
  table.column("rows", "");
  table.column("mean abs. error", "%");
  table.column("mean", "%");
  table.column("median abs.", "%");
  table.column("within 10 %", "%");
  table.column("within 20 %", "%");
  table.column("worst", "%");
  table.column("worst row", "", TextTable::Align::kLeft);
  table.column("scatter", "%");
  for (const ValidationGroup& g : groups) {
    if (g.count == 0) {
      continue;
    }
    table.row({g.name, fmt::format("{}", g.count), fmt::format("{:.1f}", 100 * g.mean_absolute), signed_percent(g.mean),
               fmt::format("{:.1f}", 100 * g.median_absolute), fmt::format("{:.0f}", 100 * g.within_10),
               fmt::format("{:.0f}", 100 * g.within_20), signed_percent(g.worst), g.worst_id,
               g.scatter ? fmt::format("{:.1f}", 100 * *g.scatter) : ""});
  }
  return table.render();
}

std::string rows_text(const Validation& validation, Style style) {
  TextTable table(style);
  table.column("row", "", TextTable::Align::kLeft);
  table.column("what", "", TextTable::Align::kLeft);
  table.column("measured", "");
  table.column("simulated", "");
  table.column("unit", "", TextTable::Align::kLeft);
  table.column("error", "%");
  std::string group;
  for (const ValidationRow* row : in_order(validation)) {
    if (!row->simulated) {
      continue;
    }
    if (!group.empty() && group != row->group) {
      table.rule();
    }
    group = row->group;
    table.row({row->id, shorten_middle(row->what, 48), significant(row->measured, 4), significant(*row->simulated, 4),
               row->unit, signed_percent(row->error())});
  }
  return table.render();
}

// Reasons with the rows that have them.
std::string not_modelled_text(const Validation& validation, bool all) {
  std::vector<std::pair<std::string, std::vector<std::string>>> reasons;
  for (const ValidationRow* row : in_order(validation)) {
    if (row->simulated) {
      continue;
    }
    auto at = std::find_if(reasons.begin(), reasons.end(), [&](const auto& r) { return r.first == row->reason; });
    if (at == reasons.end()) {
      at = reasons.insert(reasons.end(), {row->reason, {}});
    }
    at->second.push_back(row->id);
  }
  std::string text;
  constexpr std::size_t kShown = 3;
  for (const auto& [reason, ids] : reasons) {
    text += fmt::format("  {} row{}: {}\n   ", ids.size(), ids.size() == 1 ? "" : "s", reason);
    for (std::size_t i = 0; i < ids.size() && (all || i < kShown); ++i) {
      text += " " + ids[i];
    }
    text += !all && ids.size() > kShown ? " ...\n" : "\n";
  }
  return text.empty() ? "" : "\nnot modelled:\n" + text;
}

Json row_json(const ValidationRow& row) {
  Json json{{"id", row.id}, {"group", row.group}, {"what", row.what}, {"unit", row.unit}, {"measured", row.measured}};
  json["simulated"] = row.simulated ? finite(*row.simulated) : Json(nullptr);
  json["error_ratio"] = row.simulated ? finite(row.error()) : Json(nullptr);
  json["scatter_ratio"] = row.scatter ? finite(*row.scatter) : Json(nullptr);
  json["reason"] = row.reason.empty() ? Json(nullptr) : Json(row.reason);
  json["source"] = row.source;
  json["note"] = row.note;
  return json;
}

Json group_json(const ValidationGroup& g) {
  Json json{{"group", g.name}, {"rows_count", g.rows}, {"simulated_count", g.count}};
  const auto value = [&](double v) { return g.count > 0 ? finite(v) : Json(nullptr); };
  json["mean_absolute_error_ratio"] = value(g.mean_absolute);
  json["mean_error_ratio"] = value(g.mean);
  json["median_absolute_error_ratio"] = value(g.median_absolute);
  json["worst_error_ratio"] = value(g.worst);
  json["worst_id"] = g.count > 0 ? Json(g.worst_id) : Json(nullptr);
  json["within_10_percent_ratio"] = value(g.within_10);
  json["within_20_percent_ratio"] = value(g.within_20);
  json["scatter_ratio"] = g.scatter ? finite(*g.scatter) : Json(nullptr);
  return json;
}

}  // namespace

std::vector<ValidationGroup> validation_groups(const Validation& validation) {
  std::vector<std::pair<std::string, std::vector<const ValidationRow*>>> parts;
  for (const ValidationRow* row : in_order(validation)) {
    auto at = std::find_if(parts.begin(), parts.end(), [&](const auto& part) { return part.first == row->group; });
    if (at == parts.end()) {
      at = parts.insert(parts.end(), {row->group, {}});
    }
    at->second.push_back(row);
  }
  std::vector<ValidationGroup> groups;
  for (const auto& [name, rows] : parts) {
    groups.push_back(statistics(name, rows));
  }
  return groups;
}

std::string validation_text(const Validation& validation, bool all, Style style) {
  std::string text = bold(validation.title, style) + "\n";
  text += all ? rows_text(validation, style) + "\n" : "";
  text += groups_text(validation_groups(validation), style);
  text += not_modelled_text(validation, all);
  if (!validation.other_chips.empty()) {
    std::string others;
    for (const auto& [chip, count] : validation.other_chips) {
      others += fmt::format("{}{} of {}", others.empty() ? "" : ", ", count, chip);
    }
    text += "\nrows of other chips in these tables: " + others + "\n";
  }
  return text;
}

std::string validation_json(const Validation& validation) {
  Json json{{"schema_version", kSchemaVersion},  {"title", validation.title},     {"chip", validation.chip},
            {"chip_file", validation.chip_file}, {"version", validation.version}, {"files", validation.files},
            {"groups", Json::array()},           {"rows", Json::array()},         {"not_modelled", Json::array()},
            {"other_chips", Json::object()}};
  for (const ValidationGroup& group : validation_groups(validation)) {
    json["groups"].push_back(group_json(group));
  }
  for (const ValidationRow* row : in_order(validation)) {
    json[row->simulated ? "rows" : "not_modelled"].push_back(row_json(*row));
  }
  for (const auto& [chip, count] : validation.other_chips) {
    json["other_chips"][chip] = count;
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string validation_csv(const Validation& validation) {
  std::string text = csv_line({"id", "group", "what", "measured", "simulated", "unit", "error_ratio", "scatter_ratio",
                               "reason", "source", "note"});
  for (const ValidationRow* row : in_order(validation)) {
    text += csv_line({row->id, row->group, row->what, csv_number(row->measured), csv_number(row->simulated), row->unit,
                      row->simulated ? csv_number(row->error()) : "", csv_number(row->scatter), row->reason,
                      row->source, row->note});
  }
  return text;
}

}  // namespace mantissa::report
