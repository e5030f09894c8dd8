// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "base/error.h"
#include "cli/command.h"
#include "study/store.h"

namespace mantissa::cli {
namespace {

void execute_merge(const Arguments& arguments, Streams& streams) {
  const auto& names = arguments.positional();
  if (names.size() < 2) {
    throw UsageError("merge takes the database to write and at least one to read: mantissa merge ALL.db PART.db ...");
  }
  std::vector<std::unique_ptr<study::Store>> parts;  // all are looked at before anything is written
  for (std::size_t i = 1; i < names.size(); ++i) {
    std::error_code ignored;
    if (std::filesystem::equivalent(names[0], names[i], ignored)) {
      throw UsageError(fmt::format("merge would read {} and write it", names[i]));
    }
    parts.push_back(std::make_unique<study::Store>(names[i], study::Store::Mode::kReadOnly));
  }
  study::Store all(names[0], study::Store::Mode::kWrite);
  for (const auto& part : parts) {
    all.merge(*part);
  }
  for (const std::string& sweep : all.sweeps()) {
    const auto rows = all.load(sweep).rows;
    std::size_t failed = 0;
    for (const auto& row : rows) {
      failed += row.error.empty() ? 0 : 1;
    }
    streams.out << fmt::format("{}: {}, {} points, {} of them failed\n", names[0], sweep, rows.size(), failed);
  }
}

}  // namespace

Command merge_command() {
  return {
      "merge",
      "merge ALL.db PART.db...",
      "databases of sweeps that ran on several machines into one",
      "Adds the sweeps and points of every PART.db to ALL.db, which is made where it is not there. Points that are\n"
      "in several files are kept once; results take the place of errors. Files whose results of one point differ, or\n"
      "whose sweep of one name is not the same, are refused, and ALL.db is left without them.",
      {},
      {"mantissa merge align_bits.db align_bits.1.db align_bits.2.db"},
      execute_merge};
}

}  // namespace mantissa::cli
