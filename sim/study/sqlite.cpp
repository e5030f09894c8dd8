// SPDX-License-Identifier: Apache-2.0
#include "study/sqlite.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include "base/error.h"

namespace mantissa::study {
namespace {

constexpr int kBusyMilliseconds = 20'000;  // how long another process's short lock is waited for

}  // namespace

void Statement::Close::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

Statement::Statement(const Database& database, const std::string& sql) : database_(database) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(database.handle(), sql.c_str(), -1, &statement, nullptr);
  statement_.reset(statement);
  if (code != SQLITE_OK) {
    database_.fail(code);
  }
}

Statement& Statement::bind(const std::string& text) {
  sqlite3_bind_text64(statement_.get(), ++bound_, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}
Statement& Statement::bind(double value) {
  sqlite3_bind_double(statement_.get(), ++bound_, value);
  return *this;
}
Statement& Statement::bind(std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), ++bound_, value);
  return *this;
}
Statement& Statement::bind_null() {
  sqlite3_bind_null(statement_.get(), ++bound_);
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code != SQLITE_ROW && code != SQLITE_DONE) {
    database_.fail(code);
  }
  return code == SQLITE_ROW;
}

void Statement::execute() {
  while (step()) {
  }
  reset();
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  bound_ = 0;
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}
std::string Statement::text(int column) const {
  const auto* bytes = sqlite3_column_text(statement_.get(), column);
  return bytes == nullptr ? std::string()
                          : std::string(reinterpret_cast<const char*>(bytes),
                                        static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column)));
}
double Statement::number(int column) const {
  return sqlite3_column_double(statement_.get(), column);
}
std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

void Database::Close::operator()(sqlite3* handle) const {
  sqlite3_close_v2(handle);
}

Database::Database(const std::string& path, bool write) : path_(path) {
  sqlite3* handle = nullptr;
  const int flags = write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) {
    fail(code);
  }
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, kBusyMilliseconds);
}

void Database::execute(const std::string& sql) const {
  const int code = sqlite3_exec(handle(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) {
    fail(code);
  }
}

std::int64_t Database::integer(const std::string& sql) const {
  Statement query(*this, sql);
  return query.step() ? query.integer(0) : 0;
}
std::string Database::text(const std::string& sql) const {
  Statement query(*this, sql);
  return query.step() ? query.text(0) : std::string();
}

void Database::fail(int code) const {
  const std::string detail = handle() == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle());
  switch (code & 0xff) {
    case SQLITE_NOTADB:
      throw UsageError(fmt::format("{} is no database of results: it is a file of another kind", path_));
    case SQLITE_CORRUPT:
      throw UsageError(fmt::format("{} is damaged ({}); restore a copy of it, or move it away and run its sweeps again",
                                   path_, detail));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw UsageError(fmt::format("{} is in use by another process; try again when it has ended", path_));
    case SQLITE_FULL:
      throw UsageError(fmt::format("cannot write to {}: the disk is full", path_));
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_IOERR:
      throw UsageError(fmt::format("cannot read or write {}: {}", path_, detail));
    case SQLITE_NOMEM:
      throw std::bad_alloc();
    default:
      throw std::logic_error(fmt::format("SQLite, {}: {} ({})", path_, detail, code));
  }
}

Transaction::Transaction(const Database& database) : database_(database) {
  database_.execute("BEGIN IMMEDIATE");
}
Transaction::~Transaction() {
  if (open_) {
    sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}
void Transaction::commit() {
  database_.execute("COMMIT");
  open_ = false;
}

}  // namespace mantissa::study
