// SPDX-License-Identifier: Apache-2.0
#include "cli/arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace mantissa::cli {
namespace {

// "; did you mean '--precision'?": the one option that `name` begins, or the nearest one.
std::string option_suggestion(const std::string& name, const std::vector<std::string>& names) {
  const auto begins = [&](const std::string& n) { return name.size() > 3 && n.starts_with(name); };
  if (std::count_if(names.begin(), names.end(), begins) == 1) {
    return fmt::format("; did you mean '{}'?", *std::find_if(names.begin(), names.end(), begins));
  }
  return suggestion(name, names);
}

}  // namespace

Arguments::Arguments(std::span<const std::string> words, std::span<const Option> options) {
  std::vector<std::string> names;
  for (const Option& option : options) {
    names.push_back(option.name);
  }
  std::string taken;  // the option with an optional value that took the word after it
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      positional_.insert(positional_.end(), words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      break;
    }
    if (word.size() < 2 || word[0] != '-') {
      positional_.push_back(word);
      continue;
    }
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const auto option = std::find_if(options.begin(), options.end(), [&](const Option& o) { return o.name == name; });
    if (option == options.end()) {
      throw UsageError(fmt::format("unknown option '{}'{}", name, option_suggestion(name, names)));
    }
    if (values_.contains(name)) {
      throw UsageError(fmt::format("option {} is given twice", name));
    }
    const bool optional = option->value.starts_with("[");
    if (option->value.empty()) {
      if (equals != std::string::npos) {
        throw UsageError(fmt::format("option {} takes no value", name));
      }
      values_[name] = "";
    } else if (equals != std::string::npos) {
      values_[name] = word.substr(equals + 1);
    } else if (i + 1 < words.size() && (words[i + 1] == "-" || !words[i + 1].starts_with("--"))) {
      values_[name] = words[++i];
      taken = optional ? name : taken;
    } else if (optional) {
      values_[name] = "";
      continue;
    } else {
      throw UsageError(fmt::format("option {} needs a value: {} {}", name, name, option->value));
    }
    if (!option->value.empty() && values_[name].empty()) {
      throw UsageError(fmt::format("option {} needs a value: {} {}", name, name, option->value));
    }
  }
  if (positional_.empty() && !taken.empty()) {
    positional_.push_back(std::exchange(values_[taken], ""));
  }
}

std::string Arguments::text(const std::string& option, const std::string& fallback) const {
  const auto at = values_.find(option);
  return at == values_.end() ? fallback : at->second;
}

std::optional<std::int64_t> Arguments::integer(const std::string& option, std::int64_t min, std::int64_t max) const {
  const auto at = values_.find(option);
  if (at == values_.end()) {
    return std::nullopt;
  }
  const std::string& text = at->second;
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || value < min || value > max) {
    throw UsageError(fmt::format("option {} must be a whole number from {} to {}; found '{}'", option, min, max, text));
  }
  return value;
}

std::vector<std::string> Arguments::list(const std::string& option) const {
  std::vector<std::string> parts;
  const std::string all = text(option);
  for (std::size_t start = 0; !all.empty() && start <= all.size();) {
    const std::size_t comma = std::min(all.find(',', start), all.size());
    parts.push_back(all.substr(start, comma - start));
    if (parts.back().empty()) {
      throw UsageError(fmt::format("option {} has an empty entry: '{}'; separate names by single commas", option, all));
    }
    if (std::count(parts.begin(), parts.end(), parts.back()) > 1) {
      throw UsageError(fmt::format("option {} names '{}' twice", option, parts.back()));
    }
    start = comma + 1;
  }
  return parts;
}

}  // namespace mantissa::cli
