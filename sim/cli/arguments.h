// SPDX-License-Identifier: Apache-2.0
// A command's arguments: positional words and --options, each known to the command or refused with the nearest known
// one.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mantissa::cli {

struct Option {
  std::string name;   // "--batch"
  std::string value;  // "N" as help shows it; empty: a switch; "[N]": may be left out
  std::string help;
};

class Arguments {
 public:
  // Throws UsageError for unknown options, missing or unwanted values and options given twice. "--name value" and
  // "--name=value" mean the same; after "--" everything is positional. A value that may be left out is not taken from
  // the next word where no positional word would be left: in "--expect d file" it is d, in "--expect file" there is
  // none.
  Arguments(std::span<const std::string> words, std::span<const Option> options);

  const std::vector<std::string>& positional() const { return positional_; }
  bool has(const std::string& option) const { return values_.contains(option); }
  std::string text(const std::string& option, const std::string& fallback = {}) const;
  // Throws UsageError when it is no whole number in the range.
  std::optional<std::int64_t> integer(const std::string& option, std::int64_t min, std::int64_t max) const;
  // "a,b,c" -> its parts; empty parts are refused.
  std::vector<std::string> list(const std::string& option) const;

 private:
  std::vector<std::string> positional_;
  std::map<std::string, std::string> values_;
};

}  // namespace mantissa::cli
