// SPDX-License-Identifier: Apache-2.0
#include "report/effects_table.h"

#include <fmt/format.h>

#include "report/csv.h"
#include "report/json_parts.h"
#include "report/table_parts.h"

namespace mantissa::report {
namespace {

using Align = TextTable::Align;
using Direction = KeyEffect::Direction;

const char* name_of(Direction direction) {
  switch (direction) {
    case Direction::kRises:
      return "rises";
    case Direction::kFalls:
      return "falls";
    case Direction::kNeither:
      return "neither";
    case Direction::kNames:
      break;
  }
  return "";
}

std::string share_text(const std::optional<double>& share) {
  return share ? percent(*share) : "";
}

std::vector<std::string> cells_of(const KeyEffect& e) {
  return {e.key,
          std::to_string(e.levels.size()),
          significant(e.range, 4),
          percent(e.relative_range),
          share_text(e.share),
          share_text(e.total_share),
          name_of(e.direction),
          e.best};
}

struct Head {
  const char *name, *unit;
  Align align;
};
constexpr Head kHeads[] = {{"key", "", Align::kLeft},
                           {"values", "", Align::kRight},
                           {"moves it by", "", Align::kRight},
                           {"of the mean", "%", Align::kRight},
                           {"alone", "% of variance", Align::kRight},
                           {"in all", "% of variance", Align::kRight},
                           {"with the key", "", Align::kLeft},
                           {"best at", "", Align::kLeft}};

std::string headline(const ObjectiveEffects& o) {
  const std::string left_out = o.left_out > 0 ? fmt::format(", {} without it left out", o.left_out) : "";
  return fmt::format("{}, {} is better: mean {}, deviation {}, {} points{}", o.objective,
                     o.maximize ? "larger" : "smaller", significant(o.mean, 4), significant(o.deviation, 3), o.points,
                     left_out);
}

std::string remainder(const ObjectiveEffects& o) {
  return fmt::format(
      "{} % of the variance comes from keys that act together. {}", percent(o.unexplained),
      o.full_grid ? "Full grid: exact shares." : "Not a full grid: shares are estimated by an additive fit.");
}

Json effect_json(const KeyEffect& e) {
  Json json{{"key", e.key},
            {"range", finite(e.range)},
            {"range_ratio", finite(e.relative_range)},
            {"variance_ratio", finite(e.share)},
            {"variance_total_ratio", e.total_share ? finite(*e.total_share) : Json(nullptr)},
            {"direction", e.direction == Direction::kNames ? Json(nullptr) : Json(name_of(e.direction))},
            {"best", e.best}};
  json["values"] = Json::array();
  for (const KeyEffect::Level& level : e.levels) {
    json["values"].push_back({{"value", level.value}, {"mean", finite(level.mean)}, {"points_count", level.points}});
  }
  return json;
}

}  // namespace

std::string effects_text(const EffectsReport& report, Style style) {
  std::string text = report.title.empty() ? "" : bold(report.title, style) + "\n";
  for (const ObjectiveEffects& o : report.objectives) {
    TextTable table(style);
    for (const Head& head : kHeads) {
      table.column(head.name, head.unit, head.align);
    }
    for (const KeyEffect& effect : o.effects) {
      table.row(cells_of(effect));
    }
    text += (text.empty() ? "" : "\n") + bold(headline(o), style) + "\n" + table.render() + remainder(o) + "\n";
  }
  return text;
}

std::string effects_markdown(const EffectsReport& report) {
  std::string text;
  for (const ObjectiveEffects& o : report.objectives) {
    text += (text.empty() ? "" : "\n") + headline(o) + "\n\n|";
    std::string rule = "|";
    for (const Head& head : kHeads) {
      text += fmt::format(" {}{}{} |", head.name, *head.unit ? ", " : "", head.unit);
      rule += head.align == Align::kLeft ? "---|" : "---:|";
    }
    text += "\n" + rule + "\n";
    for (const KeyEffect& effect : o.effects) {
      text += "|";
      for (const std::string& cell : cells_of(effect)) {
        text += " " + markdown_cell(cell) + " |";
      }
      text += "\n";
    }
    text += "\n" + remainder(o) + "\n";
  }
  return text;
}

std::string effects_csv(const EffectsReport& report) {
  std::string text = csv_line({"objective", "key", "value", "mean", "points_count", "range", "range_ratio",
                               "variance_ratio", "variance_total_ratio", "direction", "best"});
  for (const ObjectiveEffects& o : report.objectives) {
    for (const KeyEffect& e : o.effects) {
      for (const KeyEffect::Level& level : e.levels) {
        text += csv_line({o.objective, e.key, level.value, csv_number(level.mean), std::to_string(level.points),
                          csv_number(e.range), csv_number(e.relative_range), csv_number(e.share),
                          csv_number(e.total_share), name_of(e.direction), e.best});
      }
    }
  }
  return text;
}

std::string effects_json(const EffectsReport& report) {
  Json json{{"schema_version", kSchemaVersion}, {"title", report.title}, {"effects", Json::array()}};
  for (const ObjectiveEffects& o : report.objectives) {
    Json keys = Json::array();
    for (const KeyEffect& effect : o.effects) {
      keys.push_back(effect_json(effect));
    }
    json["effects"].push_back({{"objective", o.objective},
                               {"maximize", o.maximize},
                               {"points_count", o.points},
                               {"left_out_count", o.left_out},
                               {"full_grid", o.full_grid},
                               {"mean", finite(o.mean)},
                               {"deviation", finite(o.deviation)},
                               {"variance_together_ratio", finite(o.unexplained)},
                               {"keys", std::move(keys)}});
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace mantissa::report
