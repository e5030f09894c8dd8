// SPDX-License-Identifier: Apache-2.0
#include "config/fields.h"

#include <charconv>
#include <cstring>

namespace mantissa::config::detail {
namespace {

template <class Number>
Number parse(const char* text) {
  Number value{};
  std::from_chars(text, text + std::strlen(text), value);
  return value;
}

}  // namespace

FieldValue read_field(MapReader& reader, std::string_view name, FieldType type, double min, double max,
                      const char* fallback, bool& given) {
  FieldValue value;
  const auto found = fallback == kRequired ? reader.required(name) : reader.find(name).value_or(YamlNode{});
  given = !found.missing();
  if (given) {
    switch (type) {
      case FieldType::kInteger:
        value.integer = found.integer(static_cast<std::int64_t>(min), static_cast<std::int64_t>(max));
        break;
      case FieldType::kNumber:
        value.number = found.number(min, max);
        break;
      case FieldType::kBoolean:
        value.boolean = found.boolean();
        break;
      default:
        value.text = found.text();
    }
    return value;
  }
  if (fallback != kRequired && *fallback != '\0') {
    given = true;
    value.integer = type == FieldType::kInteger ? parse<std::int64_t>(fallback) : 0;
    value.number = type == FieldType::kNumber ? parse<double>(fallback) : 0;
    value.boolean = type == FieldType::kBoolean && std::string_view(fallback) == "true";
    value.text = fallback;
  }
  return value;
}

}  // namespace mantissa::config::detail
