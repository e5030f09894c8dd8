// SPDX-License-Identifier: Apache-2.0
// What the names in a sweep's formulas stand for, and which keys of a chip change its area. Private to the sweep's
// formulas.
#pragma once
#include <cmath>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "config/area.h"
#include "config/fields.h"
#include "config/sweep.h"

namespace mantissa::config {

// A number that a key of the sweep, or a file of it, gives to each point.
struct SweepNumber {
  int axis = -1;               // whose place picks the value; -1: there is one
  std::vector<double> values;  // NaN where the file of that place has none
  std::string why;             // there is no such number; else empty
};
SweepNumber find_number(const Sweep& sweep, const std::string& name);

std::set<std::string> chip_files(const Sweep& sweep);
// Of a point.
const std::string& chip_file(const Sweep& sweep, const std::vector<std::size_t>& places);

// The i-th value of a key; NaN where it is no number.
double number_of(const SweepKey& key, std::size_t i);

// Whether the area depends on the value, or on something in the map, at a path of a chip's file.
bool changes_area(const std::string& path);
// The row of the table that sets a number at this path; null where there is none.
const Field<Chip>* find_chip_field(const std::string& path);
bool path_fits_chip(const YamlNode& root, const std::string& path);
// Whether a file could hold the number.
template <class Target>
bool holds(const Field<Target>& field, double value) {
  return (field.type != FieldType::kInteger || value == std::floor(value)) && value >= field.min && value <= field.max;
}

// Writes a number that the area depends on into a chip; false for what its file could not hold.
using AreaSetter = std::function<bool(Chip&, double)>;
// Of a path of the chip's file; empty where the file has to be read again (a map, a name, a format).
AreaSetter area_setter(const std::string& path);

// Why a run cannot have the derived value as its batch or images; else empty.
std::string run_defect(const SweepDerived& derived, double value);

}  // namespace mantissa::config
