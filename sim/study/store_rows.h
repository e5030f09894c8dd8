// SPDX-License-Identifier: Apache-2.0
// Columns of the store's tables and how results get into and out of them. Private to the store.
#pragma once
#include <string>
#include <vector>

#include "study/sqlite.h"
#include "study/store.h"

namespace mantissa::study {

// The tables of an empty file; `user_version` counts their changes.
inline constexpr int kStoreTables = 1, kStoreApplication = 0x4d414e54;
std::string create_tables();

// Names of the result columns of `points`, behind key and version.
std::string outcome_columns(const std::string& prefix = {});  // "a.batch, a.timed, ..."
std::size_t outcome_column_count();

void bind_outcome(Statement& statement, const report::SweepRow& row);
// From column `at` on.
Store::Outcome read_outcome(const Statement& row, int at);

// The head of a sweep's table as JSON, and back. `path`: for messages.
std::string pack_head(const report::SweepResult& head);
report::SweepResult unpack_head(const std::string& json, const std::string& path);
std::string pack_values(const std::vector<std::string>& values);
std::vector<std::string> unpack_values(const std::string& json, const std::string& path);

}  // namespace mantissa::study
