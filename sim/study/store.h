// SPDX-License-Identifier: Apache-2.0
// Results of sweeps in a file (SQLite). A point is stored once, by the key of what it depends on (study/point_key.h),
// however many sweeps it belongs to. What add() has returned from is on the disk: neither a killed process nor a power
// cut takes it away. While a sweep runs, others may read; only one process writes, which an advisory lock sees to.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "report/sweep_table.h"

namespace mantissa::study {

class Database;
class Statement;

class Store {
 public:
  enum class Mode { kReadOnly, kWrite };

  // What came of a point: results, or the reason why there are none.
  struct Outcome {
    report::SweepMeasurements measured;
    std::optional<double> area_mm2;
    std::string error;
  };
  // A point of a sweep. The row's results are stored where there are none yet, or only an error, under the key.
  struct Member {
    std::string key;
    report::SweepRow row;
    bool has_outcome = true;  // false: the key is stored already
  };

  // An empty path: in memory. Throws UsageError where the file cannot be opened, is damaged or no store, was written by
  // a program with other tables, or (kWrite) is being written by another process.
  Store(const std::string& path, Mode mode);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  std::optional<Outcome> find(const std::string& key) const;
  bool contains(const std::string& key) const { return find(key).has_value(); }

  // Makes the sweep known, with the head of its table (all but the rows). Where a sweep of that name is there with
  // another `definition` (its files or the program have changed), its list of points starts anew; the points stay.
  void begin(const std::string& sweep, const report::SweepResult& head, const std::string& definition);
  // One transaction. REQUIRES: begin(sweep).
  void add(const std::string& sweep, std::span<const Member> members);

  std::vector<std::string> sweeps() const;
  // Rows by position. An empty name: the only sweep. Throws UsageError where it is not there, or not the only one.
  report::SweepResult load(const std::string& sweep) const;

  // Adds all sweeps and points of the other file, all or nothing. Results take the place of errors. Throws UsageError
  // where both files have a sweep with other definitions under one name, or other results of one point.
  void merge(const Store& other);

  const std::string& path() const { return path_; }

 private:
  struct Lock;
  void open_tables(Mode mode);
  void prepare();

  std::string path_;
  std::unique_ptr<Lock> lock_;  // released after the database is closed
  std::unique_ptr<Database> database_;
  bool write_ = false;
  // Made once: a sweep asks and adds for every point.
  std::unique_ptr<Statement> find_, add_point_, add_member_;
};

}  // namespace mantissa::study
