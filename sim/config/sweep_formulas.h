// SPDX-License-Identifier: Apache-2.0
// The derived values and constraints of a sweep, ready to be evaluated for many points: every name is resolved once,
// when the sweep is loaded. Private to the floor.
#pragma once
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "config/chip.h"
#include "config/fields.h"
#include "config/sweep.h"
#include "config/sweep_names.h"

namespace mantissa::config {

class SweepFormulas {
 public:
  // Reports names that nothing in the sweep has, names of what is no number, and derived values that depend on
  // themselves. REQUIRES: sweep.files is complete. Throws ConfigError for a chip file that is wrong on its own.
  explicit SweepFormulas(const Sweep& sweep);

  SweepFormulas(const SweepFormulas&) = delete;  // its parts point into its own sweep
  SweepFormulas& operator=(const SweepFormulas&) = delete;

  // See Sweep.
  bool allowed(const std::vector<std::size_t>& places) const;
  std::vector<double> derived(const std::vector<std::size_t>& places) const;

  // Evaluates everything at all points, or at some where there are too many; reports formulas without a value and
  // constraints that leave no point. REQUIRES: nothing was reported before.
  void check(const YamlNode& constraints) const;

 private:
  struct NoValue {  // thrown
    const Expression* expression;
    std::string why;
  };
  struct NoArea {};  // thrown: the chip of a point is none

  // One number that formulas use.
  struct Source {
    enum class Kind { kKey, kDerived, kArea } kind = Kind::kKey;
    int axis = -1;               // kKey: whose place picks the value; -1: there is one
    std::vector<double> values;  // kKey: NaN where the file of that place has none
    std::size_t derived = 0;     // kDerived
  };
  struct Formula {
    const Expression* expression;
    std::vector<std::size_t> sources;  // of its names
  };
  // A key of the chip that its area depends on.
  struct AreaKey {
    int axis = -1;
    int derived = -1;               // in place of an axis
    const SweepKey* key = nullptr;  // of an axis or of `fixed`
    std::string path;
    AreaSetter set;                    // empty: the file has to be read again
    std::map<std::string, bool> fits;  // by chip file: whether the path can be set there
  };
  // One point while its formulas are evaluated: what was computed already; NaN: not yet.
  struct Point {
    Point(const std::vector<std::size_t>& where, std::size_t count)
        : places(where), derived(count, std::numeric_limits<double>::quiet_NaN()) {}
    const std::vector<std::size_t>& places;
    std::vector<double> derived;
    double area_mm2 = std::numeric_limits<double>::quiet_NaN();
  };

  void resolve(const Expression& expression, Formula& formula);
  std::optional<Source> find_source(const std::string& name, std::string& why) const;
  void find_cycles() const;
  bool visit(std::size_t derived, std::vector<int>& state, std::vector<std::string>& path) const;
  void prepare_area();

  double number(Point& point, std::size_t source) const;
  double evaluate(Point& point, const Formula& formula) const;
  double area(Point& point) const;
  double area_value(Point& point, const AreaKey& key) const;
  Chip& area_chip(Point& point) const;
  // The first constraint that is false, or -1.
  int refusing(Point& point) const;

  Sweep sweep_;  // without formulas
  std::vector<Source> sources_;
  std::map<std::string, std::size_t> by_name_;
  std::vector<Formula> derived_, constraints_;
  bool uses_area_ = false;
  std::vector<AreaKey> area_keys_;
  // Scratch that the values of a point are written into: chips by their files, and by changes that had to be read.
  mutable std::map<std::string, Chip> chips_;
  mutable std::map<std::string, std::optional<Chip>> parsed_;
};

}  // namespace mantissa::config
