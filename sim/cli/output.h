// SPDX-License-Identifier: Apache-2.0
// What `run` and `compare` have in common: their options, and where results go. A table and JSON never share a stream.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "report/result.h"
#include "study/study.h"

namespace mantissa::cli {

// --precision is left to the command.
study::RunOptions read_run_options(const Arguments& arguments);

// Throws UsageError when the option ("--json") names a file that cannot be written; called before the work starts.
void check_target(const Arguments& arguments, const std::string& option);
// Writes the text into the file that the option names; "-" is `out`.
void write_target(const Arguments& arguments, const std::string& option, const std::string& text, Streams& streams);
// --json FILE: the table on `out`, JSON in the file. --json -: JSON alone.
void write_results(const Arguments& arguments, const std::vector<report::RunResult>& results, const std::string& title,
                   const std::function<std::string()>& table, Streams& streams);

}  // namespace mantissa::cli
