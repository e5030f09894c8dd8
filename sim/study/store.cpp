// SPDX-License-Identifier: Apache-2.0
#include "study/store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

#include "base/error.h"
#include "study/sqlite.h"
#include "study/store_rows.h"
#include "study/version.h"

namespace mantissa::study {
namespace {

constexpr int kLockTries = 20;  // of a tenth of a second: a process that was just killed may take a moment to end

}  // namespace

// An advisory lock of the file itself. It is no POSIX lock: SQLite's own unlocking would take it away. Children that
// are forked share it, and end with their parent. Closing the file drops SQLite's locks on it, so it is closed last.
struct Store::Lock {
  explicit Lock(const std::string& path) : file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
    if (file < 0) {
      throw UsageError(fmt::format("cannot write to {}: {}", path, std::strerror(errno)));
    }
    for (int i = 0; flock(file, LOCK_EX | LOCK_NB) != 0; ++i) {
      const int code = errno;
      if (code != EWOULDBLOCK || i == kLockTries) {
        close(file);
        throw UsageError(code == EWOULDBLOCK
                             ? fmt::format("{} is being written by another mantissa; wait for it, or give this one a "
                                           "file of its own (--db) and merge them later",
                                           path)
                             : fmt::format("cannot lock {}: {}", path, std::strerror(code)));
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }
  ~Lock() {
    flock(file, LOCK_UN);
    close(file);
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  int file;
};

Store::Store(const std::string& path, Mode mode) : path_(path), write_(mode == Mode::kWrite) {
  if (!path.empty()) {
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (!write_ && !std::filesystem::exists(status)) {
      throw UsageError(fmt::format("there is no file {}; 'mantissa sweep' writes one", path));
    }
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
      throw UsageError(fmt::format("{} is {}", path,
                                   std::filesystem::is_directory(status) ? "a folder, not a file" : "no regular file"));
    }
    if (write_) {
      lock_ = std::make_unique<Lock>(path);
    }
  }
  database_ = std::make_unique<Database>(path.empty() ? ":memory:" : path, write_ || path.empty());
  open_tables(mode);
  prepare();
}

Store::~Store() {
  find_.reset();
  add_point_.reset();
  add_member_.reset();
  if (write_ && !path_.empty()) {
    try {
      database_->execute("PRAGMA journal_mode = DELETE");  // one file, without a write-ahead log beside it
    } catch (const std::exception&) {
      // A reader has it open. The log stays beside the file, which is complete with it.
    }
  }
  database_.reset();
}

void Store::open_tables(Mode mode) {
  const Database& db = *database_;
  const bool empty = db.integer("SELECT count(*) FROM sqlite_master") == 0;
  if (mode == Mode::kWrite && empty) {
    if (db.integer("PRAGMA application_id") != 0) {
      throw UsageError(fmt::format("{} is a database of another program", path_));
    }
  } else if (db.integer("PRAGMA application_id") != kStoreApplication) {
    throw UsageError(empty ? fmt::format("{} is empty: no sweep has written results to it", path_)
                           : fmt::format("{} is a database of another program", path_));
  } else if (const auto tables = db.integer("PRAGMA user_version"); tables != kStoreTables) {
    throw UsageError(
        fmt::format("{} was written by another version of mantissa: its tables are number {}, these are "
                    "{}; export it with that version, or run its sweeps again into another file",
                    path_, tables, kStoreTables));
  } else if (const std::string defect = db.text("PRAGMA quick_check(1)"); defect != "ok") {
    throw UsageError(fmt::format("{} is damaged ({}); restore a copy of it, or move it away and run its sweeps again",
                                 path_, defect));
  }
  if (mode == Mode::kWrite) {
    db.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    if (empty) {
      Transaction transaction(db);
      db.execute(create_tables());
      transaction.commit();
    }
  }
}

void Store::prepare() {
  std::string marks;
  for (std::size_t i = 0; i < outcome_column_count(); ++i) {
    marks += ", ?";
  }
  find_ = std::make_unique<Statement>(*database_, "SELECT " + outcome_columns() + " FROM points WHERE key = ?");
  add_point_ = std::make_unique<Statement>(
      *database_, "INSERT INTO points(key, version, " + outcome_columns() + ") VALUES(?, ?" + marks +
                      ") ON CONFLICT(key) DO UPDATE SET (version, " + outcome_columns() + ") = (excluded.version, " +
                      outcome_columns("excluded.") + ") WHERE points.error <> ''");
  add_member_ = std::make_unique<Statement>(*database_, "INSERT OR REPLACE INTO members VALUES(?, ?, ?, ?, ?, ?, ?)");
}

std::optional<Store::Outcome> Store::find(const std::string& key) const {
  find_->bind(key);
  const auto outcome = find_->step() ? std::optional(read_outcome(*find_, 0)) : std::nullopt;
  find_->reset();
  return outcome;
}

void Store::begin(const std::string& sweep, const report::SweepResult& head, const std::string& definition) {
  Transaction transaction(*database_);
  Statement known(*database_, "SELECT definition FROM sweeps WHERE name = ?");
  known.bind(sweep);
  if (known.step() && known.text(0) != definition) {
    Statement(*database_, "DELETE FROM members WHERE sweep = ?").bind(sweep).execute();
  }
  known.reset();
  Statement(*database_, "INSERT OR REPLACE INTO sweeps VALUES(?, ?, ?, ?)")
      .bind(sweep)
      .bind(head.title)
      .bind(definition)
      .bind(pack_head(head))
      .execute();
  transaction.commit();
}

void Store::add(const std::string& sweep, std::span<const Member> members) {
  Transaction transaction(*database_);
  const std::string program = version();
  for (const Member& m : members) {
    if (m.has_outcome) {
      bind_outcome(add_point_->bind(m.key).bind(program), m.row);
      add_point_->execute();
    }
    add_member_->bind(sweep).bind(static_cast<std::int64_t>(m.row.position)).bind(m.key).bind(m.row.chip);
    add_member_->bind(m.row.workload).bind(m.row.precision).bind(pack_values(m.row.values)).execute();
  }
  transaction.commit();
}

std::vector<std::string> Store::sweeps() const {
  std::vector<std::string> names;
  for (Statement query(*database_, "SELECT name FROM sweeps ORDER BY name"); query.step();) {
    names.push_back(query.text(0));
  }
  return names;
}

report::SweepResult Store::load(const std::string& sweep) const {
  const std::vector<std::string> names = sweeps();
  std::string list;
  for (const std::string& name : names) {
    list += (list.empty() ? "" : ", ") + name;
  }
  if (names.empty() || (sweep.empty() && names.size() != 1)) {
    throw UsageError(names.empty() ? fmt::format("{} holds no sweep", path_)
                                   : fmt::format("{} holds several sweeps: {}; name one with --sweep", path_, list));
  }
  Statement head(*database_, "SELECT name, title, head FROM sweeps WHERE name = ?");
  head.bind(sweep.empty() ? names.front() : sweep);
  if (!head.step()) {
    throw UsageError(fmt::format("{} holds no sweep '{}'; it has {}", path_, sweep, list));
  }
  report::SweepResult result = unpack_head(head.text(2), path_);
  result.title = head.text(1);
  Statement rows(*database_, "SELECT m.position, m.chip, m.workload, m.precision, m.key_values, " +
                                 outcome_columns("p.") +
                                 " FROM members m JOIN points p USING(key) WHERE m.sweep = ? ORDER BY m.position");
  rows.bind(head.text(0));
  while (rows.step()) {
    report::SweepRow row;
    row.position = static_cast<std::size_t>(rows.integer(0));
    row.chip = rows.text(1);
    row.workload = rows.text(2);
    row.precision = rows.text(3);
    row.values = unpack_values(rows.text(4), path_);
    if (row.values.size() != result.keys.size()) {
      throw UsageError(fmt::format("{} is damaged: point {} has not one value for each column", path_, row.position));
    }
    const Outcome outcome = read_outcome(rows, 5);
    row.measured = outcome.measured;
    row.area_mm2 = outcome.area_mm2;
    row.error = outcome.error;
    result.rows.push_back(std::move(row));
  }
  return result;
}

void Store::merge(const Store& other) {
  const Database& db = *database_;
  Statement(db, "ATTACH ? AS other").bind(other.path()).execute();
  struct Detach {
    const Database& database;
    ~Detach() {
      try {
        database.execute("DETACH other");
      } catch (const std::exception&) {
        // Of an error that is on its way: the connection ends with it.
      }
    }
  } const detach{db};
  Transaction transaction(db);
  if (const std::string name = db.text("SELECT a.name FROM main.sweeps a JOIN other.sweeps b USING(name) "
                                       "WHERE a.definition <> b.definition");
      !name.empty()) {
    throw UsageError(
        fmt::format("the sweep '{}' of {} is not that of {}: its files or the version of mantissa differ; "
                    "keep them apart",
                    name, other.path(), path_));
  }
  const std::string key = db.text(
      "SELECT a.key FROM main.points a JOIN other.points b USING(key) WHERE a.error = '' AND "
      "b.error = '' AND (" +
      outcome_columns("a.") + ") IS NOT (" + outcome_columns("b.") + ")");
  if (!key.empty()) {
    throw UsageError(fmt::format("{} and {} have different results of the same point ({}); one of them is wrong",
                                 other.path(), path_, key));
  }
  db.execute(
      "INSERT OR IGNORE INTO main.sweeps SELECT * FROM other.sweeps;"
      "INSERT OR REPLACE INTO main.points SELECT * FROM other.points o WHERE NOT EXISTS (SELECT 1 FROM "
      "main.points m WHERE m.key = o.key AND (m.error = '' OR o.error <> ''));"
      "INSERT OR REPLACE INTO main.members SELECT * FROM other.members");
  transaction.commit();
}

}  // namespace mantissa::study
