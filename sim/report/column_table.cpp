// SPDX-License-Identifier: Apache-2.0
#include "report/column_table.h"

#include <algorithm>

#include "report/csv.h"
#include "report/json_parts.h"
#include "report/sweep_quantities.h"
#include "report/table_parts.h"

namespace mantissa::report {
namespace {

// Columns whose values are text whatever they look like.
bool is_text(const std::string& name) {
  return name == "chip" || name == "workload" || name == "precision" || name == "error";
}

std::string cell_of(const SweepResult& result, std::size_t row, const std::string& column) {
  return column_text(result, result.rows[row], column).value_or("");
}

// Rounded where it is a result; keys as they were written.
std::string readable_cell(const SweepResult& result, std::size_t row, const std::string& column) {
  const std::optional<double> value = find_quantity(column) ? quantity(result, result.rows[row], column) : std::nullopt;
  return value ? significant(*value, 4) : cell_of(result, row, column);
}

bool is_numeric(const SweepResult& result, const ColumnSelection& s, const std::string& column) {
  return !is_text(column) && std::all_of(s.rows.begin(), s.rows.end(), [&](std::size_t row) {
    const std::string cell = cell_of(result, row, column);
    return cell.empty() || number_of(cell);
  });
}

// The unit stands in the name: "latency_s" -> "latency", "s".
std::pair<std::string, std::string> head_of(const std::string& column) {
  const Quantity* quantity = find_quantity(column);
  if (!quantity) {
    return {column, ""};
  }
  const std::size_t comma = quantity->title.rfind(", ");
  return comma == std::string::npos ? std::pair{quantity->title, std::string{}}
                                    : std::pair{quantity->title.substr(0, comma), quantity->title.substr(comma + 2)};
}

// A key's value may be a whole number beyond a double's: it stays text then.
Json json_cell(const SweepResult& result, std::size_t row, const std::string& column) {
  const SweepRow& r = result.rows[row];
  const std::string text = cell_of(result, row, column);
  if (is_text(column)) {
    return column == "error" && text.empty() ? Json(nullptr) : Json(text);
  }
  if (find_quantity(column)) {
    const auto value = quantity(result, r, column);
    return value ? finite(*value) : Json(nullptr);
  }
  if (text.empty()) {
    return nullptr;
  }
  const Json parsed = Json::parse(text, nullptr, false);
  return parsed.is_number() && parsed.dump() == text ? parsed : Json(text);
}

}  // namespace

std::vector<std::string> readable_columns(const SweepResult& result, const std::vector<std::size_t>& rows) {
  const auto differs = [&](const std::string& name) {
    return std::any_of(rows.begin(), rows.end(), [&](std::size_t row) {
      return cell_of(result, row, name) != cell_of(result, rows.front(), name);
    });
  };
  const auto filled = [&](const std::string& name) {
    return std::any_of(rows.begin(), rows.end(), [&](std::size_t row) { return !cell_of(result, row, name).empty(); });
  };
  std::vector<std::string> columns = {"point"};
  for (const char* name : {"workload", "chip", "precision"}) {
    if (differs(name)) {
      columns.emplace_back(name);
    }
  }
  // Of tied keys with the same values the first one stands for all. Two rows that differ have to say so: keys of one
  // row may be alike by chance.
  const auto repeats = [&](std::size_t k) {
    const auto same = [&](std::size_t before) {
      return !result.keys[before].detail && std::all_of(rows.begin(), rows.end(), [&](std::size_t row) {
        return result.rows[row].values[before] == result.rows[row].values[k];
      });
    };
    bool found = false;
    for (std::size_t before = 0; before < k && !found; ++before) {
      found = same(before);
    }
    return found && differs(result.keys[k].name);
  };
  for (std::size_t k = 0; k < result.keys.size(); ++k) {
    if (!result.keys[k].detail && !repeats(k)) {
      columns.push_back(result.keys[k].name);
    }
  }
  // What only follows from other columns is for those who ask.
  const auto follows = [&](const std::string& name) {
    return (name == "inputs_per_j" || name == "inputs_per_s_per_mm2") &&
           std::find(result.objectives.begin(), result.objectives.end(), name) == result.objectives.end();
  };
  for (const Quantity& each : quantities()) {
    if (filled(each.name) && !follows(each.name)) {
      columns.push_back(each.name);
    }
  }
  if (filled("error")) {
    columns.emplace_back("error");
  }
  return columns;
}

std::string columns_text(const SweepResult& result, const ColumnSelection& s, const std::string& note, Style style) {
  TextTable table(style);
  for (const std::string& column : s.columns) {
    const auto [name, unit] = head_of(column);
    table.column(name, unit, is_numeric(result, s, column) ? TextTable::Align::kRight : TextTable::Align::kLeft);
  }
  for (const std::size_t row : s.rows) {
    std::vector<std::string> cells;
    for (const std::string& column : s.columns) {
      cells.push_back(readable_cell(result, row, column));
    }
    table.row(std::move(cells));
  }
  return (result.title.empty() ? "" : bold(result.title, style) + "\n") + (note.empty() ? "" : note + "\n") +
         table.render();
}

std::string columns_markdown(const SweepResult& result, const ColumnSelection& s, const std::string& note) {
  std::string text = note.empty() ? "" : note + "\n\n", rule = "|";
  text += "|";
  for (const std::string& column : s.columns) {
    const auto [name, unit] = head_of(column);
    text += fmt::format(" {}{}{} |", markdown_cell(name), unit.empty() ? "" : ", ", unit);
    rule += is_numeric(result, s, column) ? "---:|" : "---|";
  }
  text += "\n" + rule + "\n";
  for (const std::size_t row : s.rows) {
    text += "|";
    for (const std::string& column : s.columns) {
      text += " " + markdown_cell(readable_cell(result, row, column)) + " |";
    }
    text += "\n";
  }
  return text;
}

std::string columns_csv(const SweepResult& result, const ColumnSelection& s) {
  std::string text = csv_line(s.columns);
  for (const std::size_t row : s.rows) {
    std::vector<std::string> cells;
    for (const std::string& column : s.columns) {
      cells.push_back(cell_of(result, row, column));
    }
    text += csv_line(cells);
  }
  return text;
}

std::string columns_json(const SweepResult& result, const ColumnSelection& s) {
  Json json{{"schema_version", kSchemaVersion},
            {"title", result.title},
            {"version", result.version},
            {"objectives", result.objectives},
            {"points", Json::array()}};
  for (const std::size_t row : s.rows) {
    Json point = Json::object();
    for (const std::string& column : s.columns) {
      point[column] = json_cell(result, row, column);
    }
    json["points"].push_back(std::move(point));
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace mantissa::report
