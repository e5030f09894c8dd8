// SPDX-License-Identifier: Apache-2.0
// The command line: words in, exit code out. The only place that prints errors and picks exit codes:
// 0 done, 1 a comparison found differences, 2 the user's mistake, 3 the modelled machine (or this one's memory) cannot
// do it, 70 a bug.
#pragma once
#include <span>
#include <string>

#include "cli/command.h"

namespace mantissa::cli {

int execute(std::span<const std::string> words, Streams& streams);

}  // namespace mantissa::cli
