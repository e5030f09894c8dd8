// SPDX-License-Identifier: Apache-2.0
// Runs gnuplot (Debian: gnuplot-nox) as a process of its own, without a shell: the script on its standard input, the
// picture from its standard output.
#pragma once
#include <string>

namespace mantissa::cli {

// The picture. Throws UsageError where gnuplot is not installed, std::runtime_error with its words where it fails.
std::string run_gnuplot(const std::string& script);

}  // namespace mantissa::cli
