// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/error.h"
#include "cli/vector_output.h"
#include "study/vectors/dot.h"

namespace mantissa::cli {
namespace {

constexpr const char* kResult = "d";

void execute_dot(const Arguments& arguments, Streams& streams) {
  const std::string path = vector_file_of(arguments, "dot");
  std::string name = arguments.text("--datapath");
  if (name.empty()) {
    throw UsageError("dot needs --datapath NAME; `mantissa list datapaths` shows them");
  }
  const numerics::Datapath datapath = study::find_datapath(name);
  std::optional<numerics::Format> operands;
  if (arguments.has("--operands")) {
    const std::string word = arguments.text("--operands");
    operands = numerics::find_format(word);
    if (!operands) {
      throw UsageError("--operands: " + numerics::format_defect(word));
    }
  }
  study::VectorFile file(path);
  const study::DotRows function(datapath, file, operands);
  int expected = 0;
  if (arguments.has("--expect")) {
    const std::string column = arguments.text("--expect", "");
    expected = file.require(column.empty() ? kResult : column, "name the column to compare with: --expect COLUMN");
  }
  execute_rows(arguments, file, function, kResult, expected, "through " + name, streams);
}

}  // namespace

Command dot_command() {
  std::vector<Option> options = {
      {"--datapath", "NAME", "CHIP.DATAPATH as `mantissa list datapaths` shows them, or CHIP_FILE.yaml:DATAPATH"},
      {"--operands", "FORMAT",
       "format that a and b are written in; rounded to the datapath's; default: the datapath's"}};
  const auto shared = vector_options("compare with a column of the file; default: d");
  options.insert(options.end(), shared.begin(), shared.end());
  return {
      "dot",
      "dot --datapath NAME (FILE.csv[.gz] | -) [OPTIONS]",
      "dot products of given bit patterns through a chip's datapath",
      "Computes d = c + a . b, bit for bit as the datapath does, for every row of a table of bit patterns. The columns "
      "a and b\n"
      "hold the elements' codes as hex digits, element 0 first; c is the initial accumulator. Writes the table with a "
      "column d,\n"
      "or compares d with a column that is there, shows where they differ and exits 1. docs/silicon.md has the "
      "details.",
      options,
      {"mantissa dot --datapath h100_sxm.fp8_e4m3 rows.csv > results.csv",
       "mantissa dot --datapath h100_sxm.fp16 --expect rows_from_gpu.csv.gz",
       "mantissa dot --datapath my_chip.yaml:bf16 --expect d_measured --show 100 rows.csv",
       "produce_rows | mantissa dot --datapath tpu_v4.bf16 --operands fp32 --only d -"},
      execute_dot};
}

}  // namespace mantissa::cli
