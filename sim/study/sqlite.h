// SPDX-License-Identifier: Apache-2.0
// SQLite's C interface with owners and exceptions. Private to the store. What goes wrong with the file (it is damaged,
// no database, not writable, the disk is full) is a UsageError that names the file.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

struct sqlite3;
struct sqlite3_stmt;

namespace mantissa::study {

class Database;

// A prepared statement: bind 1, 2, ..., step, read columns 0, 1, ...
class Statement {
 public:
  Statement(const Database& database, const std::string& sql);
  Statement& bind(const std::string& text);
  Statement& bind(double value);
  Statement& bind(std::int64_t value);
  Statement& bind_null();
  bool step();  // true: there is a row
  // Runs it to its end and makes it ready to be bound anew.
  void execute();
  void reset();
  bool is_null(int column) const;
  std::string text(int column) const;
  double number(int column) const;
  std::int64_t integer(int column) const;

 private:
  struct Close {
    void operator()(sqlite3_stmt* statement) const;
  };
  const Database& database_;
  std::unique_ptr<sqlite3_stmt, Close> statement_;
  int bound_ = 0;
};

class Database {
 public:
  Database(const std::string& path, bool write);
  const std::string& path() const { return path_; }
  void execute(const std::string& sql) const;
  std::int64_t integer(const std::string& sql) const;  // of a query with one number
  std::string text(const std::string& sql) const;
  sqlite3* handle() const { return handle_.get(); }
  [[noreturn]] void fail(int code) const;

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  std::string path_;
  std::unique_ptr<sqlite3, Close> handle_;
};

// Rolls back unless committed.
class Transaction {
 public:
  explicit Transaction(const Database& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  const Database& database_;
  bool open_ = true;
};

}  // namespace mantissa::study
