// SPDX-License-Identifier: Apache-2.0
// The keys of the config files as tables: name, type, unit, range, default, meaning and where the value goes. One row
// serves the loader, `mantissa explain` and docs/config_reference.md, so that they cannot disagree.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/chip.h"
#include "config/runs.h"
#include "config/workload.h"
#include "config/yaml.h"

namespace mantissa::config {

enum class FieldType { kInteger, kNumber, kText, kBoolean, kList, kMap };

// What a row's setter gets; only the member of the row's type is meaningful.
struct FieldValue {
  std::int64_t integer = 0;
  double number = 0;
  bool boolean = false;
  std::string text;
};

inline constexpr const char* kRequired = nullptr;  // as fallback: the key must be given
inline constexpr const char* kOptional = "";       // as fallback: absent means "none"

template <class Target>
struct Field {
  const char* key;  // "dram.page_bytes"; the part before the last dot is the map it stands in
  FieldType type;
  const char* unit;      // "bytes"; "" for plain counts, ratios and names
  double min, max;       // of numbers
  const char* fallback;  // kRequired, kOptional or the default as the file would write it
  const char* meaning;
  void (*set)(Target&, const FieldValue&);  // nullptr: the loader reads it itself (names to resolve, lists, maps)
};

std::span<const Field<Chip>> chip_fields();
std::span<const Field<numerics::Datapath>> datapath_fields();
std::span<const Field<Precision>> precision_fields();
std::span<const Field<Workload>> workload_fields();
std::span<const Field<TensorRecipe>> tensor_recipe_fields();
std::span<const Field<RunRequest>> run_fields();

// Words that enumerations are written with.
struct RoundingName {
  const char* name;
  numerics::Rounding value;
};
struct AccumulationName {
  const char* name;
  numerics::Accumulation value;
};
struct ZeroOperandsName {
  const char* name;
  numerics::ZeroOperands value;
};
struct IntegerOverflowName {
  const char* name;
  numerics::IntegerOverflow value;
};
struct InitialRoundingName {
  const char* name;
  numerics::InitialRounding value;
};
std::span<const RoundingName> rounding_names();
std::span<const AccumulationName> accumulation_names();
std::span<const ZeroOperandsName> zero_operands_names();
std::span<const IntegerOverflowName> integer_overflow_names();
std::span<const InitialRoundingName> initial_rounding_names();

namespace detail {
// Reads one value of a row's type, or its default. `name` is the key inside the reader's map.
FieldValue read_field(MapReader& reader, std::string_view name, FieldType type, double min, double max,
                      const char* fallback, bool& given);
}  // namespace detail

// Reads all rows of `fields` that stand directly in map `section` ("" is the top level) into `target`.
template <class Target>
void read_fields(MapReader& reader, std::span<const Field<Target>> fields, std::string_view section, Target& target) {
  for (const auto& field : fields) {
    const std::string_view key = field.key;
    const std::size_t dot = key.rfind('.');
    const std::string_view map = dot == std::string_view::npos ? std::string_view{} : key.substr(0, dot);
    if (map != section || field.set == nullptr) {
      continue;
    }
    bool given = false;
    const std::string_view name = dot == std::string_view::npos ? key : key.substr(dot + 1);
    const FieldValue value = detail::read_field(reader, name, field.type, field.min, field.max, field.fallback, given);
    if (given) {
      field.set(target, value);
    }
  }
}

}  // namespace mantissa::config
