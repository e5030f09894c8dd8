// SPDX-License-Identifier: Apache-2.0
// What `dot` and `cast` have in common: the options of tables of bit patterns, and how a comparison is shown.
#pragma once
#include <string>
#include <vector>

#include "cli/command.h"
#include "study/vectors/rows.h"

namespace mantissa::cli {

std::vector<Option> vector_options(const std::string& expect_help);

// The one file that the command takes.
std::string vector_file_of(const Arguments& arguments, const std::string& command);

// Writes the rows, or with --expect compares them with `expect_column` and shows the first mismatches (exit code 1).
// `what` names the computation in the last line: "through h100_sxm.fp16".
void execute_rows(const Arguments& arguments, study::VectorFile& file, const study::RowFunction& function,
                  const std::string& result_name, int expect_column, const std::string& what, Streams& streams);

}  // namespace mantissa::cli
