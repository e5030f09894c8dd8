// SPDX-License-Identifier: Apache-2.0
// Applies a function of bit patterns to every row of a table, on all cores, in blocks: the result is written as a new
// column in the order of the input, or compared with a column that the table has. The output does not depend on the
// number of threads; memory does not grow with the file.
#pragma once
#include <cstdint>
#include <functional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "numerics/format.h"
#include "study/vectors/codes.h"
#include "study/vectors/file.h"

namespace mantissa::study {

// What each thread keeps between rows.
struct RowScratch {
  std::vector<std::uint32_t> codes;
  std::vector<float> a, b;
  std::vector<std::int8_t> ia, ib;
};

class RowFunction {
 public:
  virtual ~RowFunction() = default;
  // The columns it reads, by index; a message points at the cell by its place in this list.
  virtual const std::vector<int>& inputs() const = 0;
  // The format of the result's codes.
  virtual const numerics::Format& result() const = 0;
  // The result's codes of one row, given the cells of inputs(); `line` is the row's line number in the file. Called
  // from several threads. Throws RowMistake.
  virtual void compute(std::span<const std::string_view> cells, std::int64_t line, RowScratch& scratch,
                       std::vector<std::uint32_t>& codes) const = 0;
};

// A mistake in a row's input number `input`.
struct RowMistake {
  std::size_t input = 0;
  CellMistake cell;
};

struct WriteOptions {
  std::string result_name;        // of the new column; "_mantissa" is added where the table has a column of that name
  std::vector<std::string> only;  // columns to write, found as VectorFile::find does, result_name for the result;
                                  // empty: the whole line and then the result
  int threads = 0;                // 0: as many as the machine has
};
// Throws ConfigError for the mistakes in the file. Rows of earlier blocks may have been written by then.
void write_rows(VectorFile& file, const RowFunction& function, const WriteOptions& options, std::ostream& out);

struct Mismatch {
  std::int64_t line = 0;
  std::vector<std::string> inputs;  // cells
  std::string expected, got;
  std::int64_t steps = 0;  // steps_apart of the first codes that differ
};
struct Comparison {
  std::string column;  // as the header names it
  std::int64_t rows = 0;
  std::int64_t differ = 0;
  std::int64_t special_differ = 0;  // of these: NaN or infinity on at least one side
  std::int64_t largest_steps = 0;   // among the others
  std::vector<Mismatch> first;
};
struct CompareOptions {
  int column = 0;
  bool nan_bits = false;  // NaNs must agree in every bit; else any NaN equals any other
  std::size_t show = 10;  // mismatches to keep
  int threads = 0;
};
Comparison compare_rows(VectorFile& file, const RowFunction& function, const CompareOptions& options);

}  // namespace mantissa::study
