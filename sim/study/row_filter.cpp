// SPDX-License-Identifier: Apache-2.0
#include "study/row_filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <regex>

#include "base/error.h"
#include "base/text.h"

namespace mantissa::study {
namespace {

constexpr std::size_t kMaxText = 4096;

// As a scalar of a file, so that messages have its columns. Quoted: YAML gives no meaning to what stands in it.
config::YamlNode as_scalar(const std::string& text, const std::string& origin) {
  std::string quoted;
  for (const char c : text) {
    quoted += c == '\'' ? std::string("''") : std::string(1, c);
  }
  return config::YamlNode::parse("'" + quoted + "'", origin);
}

std::string known_names(const report::SweepResult& result, const std::string& name) {
  return suggestion(name, report::column_names(result), 40);
}

}  // namespace

// Comparisons with texts become names, as long as they were where that fits: columns of messages stay right.
std::string RowFilter::without_texts(const report::SweepResult& result, const std::string& text,
                                     const std::string& origin) {
  static const std::regex kComparison(R"re(([A-Za-z_][A-Za-z0-9_.]*)\s*(==|!=)\s*("[^"]*"|'[^']*'))re");
  std::string numbers;
  const std::vector<std::string> columns = report::column_names(result);
  std::size_t done = 0;
  for (std::sregex_iterator at(text.begin(), text.end(), kComparison), end; at != end; ++at) {
    const std::smatch& match = *at;
    const std::string literal = match[3];
    Comparison comparison{fmt::format("text{}", comparisons_.size() + 1), match[1],
                          literal.substr(1, literal.size() - 2), match[2] == "=="};
    if (std::find(columns.begin(), columns.end(), comparison.column) == columns.end()) {
      throw ConfigError({origin, 1, static_cast<int>(match.position()) + 1},
                        fmt::format("no column '{}'{}", comparison.column, known_names(result, comparison.column)));
    }
    const auto start = static_cast<std::size_t>(match.position());
    numbers += text.substr(done, start - done) + comparison.name;
    done = start + static_cast<std::size_t>(match.length());
    numbers.append(done > numbers.size() ? done - numbers.size() : 0, ' ');
    comparisons_.push_back(std::move(comparison));
  }
  return numbers + text.substr(done);
}

RowFilter::RowFilter(const report::SweepResult& result, const std::string& text, const std::string& origin) {
  if (text.size() > kMaxText || text.find_first_of(std::string("\n\r\t\0", 4)) != std::string::npos) {
    throw UsageError(fmt::format("{} takes one line of at most {} characters", origin, kMaxText));
  }
  const config::YamlNode scalar = as_scalar(without_texts(result, text, origin), origin);
  expression_ = config::Expression(scalar);
  scalar.finish();
  const std::vector<std::string> numbers = report::numeric_names(result), columns = report::column_names(result);
  for (const std::string& name : expression_.names()) {
    const auto stands_for_text = [&](const Comparison& c) { return c.name == name; };
    if (std::any_of(comparisons_.begin(), comparisons_.end(), stands_for_text) ||
        std::find(numbers.begin(), numbers.end(), name) != numbers.end()) {
      continue;
    }
    if (std::find(columns.begin(), columns.end(), name) == columns.end()) {
      expression_.error_at(name, fmt::format("no column '{}'{}", name, known_names(result, name)));
    } else if (!report::find_quantity(name)) {
      expression_.error_at(name, fmt::format("'{0}' holds texts; compare it with == or != and a quoted text: {0} == "
                                             "\"...\"",
                                             name));
    } else {
      expression_.error_at(name, fmt::format("no point of this sweep has '{}'", name));
    }
  }
  scalar.finish();
}

bool RowFilter::matches(const report::SweepResult& result, const report::SweepRow& row) const {
  std::vector<double> values;
  for (const std::string& name : expression_.names()) {
    const auto comparison =
        std::find_if(comparisons_.begin(), comparisons_.end(), [&](const Comparison& c) { return c.name == name; });
    if (comparison != comparisons_.end()) {
      const bool same = report::column_text(result, row, comparison->column) == comparison->text;
      values.push_back(same == comparison->equal ? 1 : 0);
    } else {
      values.push_back(report::quantity(result, row, name).value_or(std::numeric_limits<double>::quiet_NaN()));
    }
  }
  const double value = expression_.evaluate(values);
  return !std::isnan(value) && value != 0;
}

}  // namespace mantissa::study
