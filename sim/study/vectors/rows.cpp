// SPDX-License-Identifier: Apache-2.0
#include "study/vectors/rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <future>
#include <optional>

#include "base/parallel.h"

namespace mantissa::study {
namespace {

constexpr std::size_t kBlocksAtATime = 8;
constexpr std::size_t kMostMistakes = 5;  // reported for one block

// Everything about one row that is not its meaning: its line and its cells.
struct Row {
  std::int64_t line = 0;
  std::string_view text;
  std::span<const std::string_view> cells;
  std::span<const std::uint32_t> codes;  // the result
};

std::size_t column_of(const Row& row, std::string_view cell) {
  return static_cast<std::size_t>(cell.data() - row.text.data()) + 1;
}

// Calls `use` with each row of the block and its result; mistakes are collected. Returns the number of rows.
class BlockWalk {
 public:
  BlockWalk(const VectorFile& file, const RowFunction& function) : file_(file), function_(function) {}

  std::int64_t rows(const VectorFile::Block& block, const std::function<void(const Row&)>& use) {
    std::string_view rest = block.text;
    std::int64_t rows = 0;
    for (std::int64_t line = block.first_line; !rest.empty() && mistakes_.size() < kMostMistakes; ++line) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      std::string_view text = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (text.ends_with('\r')) {
        text.remove_suffix(1);
      }
      if (text.find_first_not_of(" \t") == std::string_view::npos) {
        continue;
      }
      ++rows;
      one({line, text, {}, {}}, use);
    }
    return rows;
  }
  void add(const Row& row, std::string_view cell, const CellMistake& mistake) {
    mistakes_.push_back(file_.mistake(row.line, column_of(row, cell) + mistake.offset, mistake.message, row.text));
  }
  const std::vector<Diagnostic>& mistakes() const { return mistakes_; }

 private:
  void one(Row row, const std::function<void(const Row&)>& use) {
    split_cells(row.text, cells_);
    if (cells_.size() != file_.columns().size()) {
      mistakes_.push_back(
          file_.mistake(row.line, 1,
                        fmt::format("{} cells, but the header names {} columns; every row must have all", cells_.size(),
                                    file_.columns().size()),
                        row.text));
      return;
    }
    row.cells = cells_;
    inputs_.clear();
    for (const int column : function_.inputs()) {
      inputs_.push_back(cells_[static_cast<std::size_t>(column)]);
    }
    try {
      function_.compute(inputs_, row.line, scratch_, codes_);
      row.codes = codes_;
      use(row);
    } catch (const RowMistake& mistake) {
      add(row, inputs_[mistake.input], mistake.cell);
    }
  }

  const VectorFile& file_;
  const RowFunction& function_;
  RowScratch scratch_;
  std::vector<std::string_view> cells_, inputs_;
  std::vector<std::uint32_t> codes_;
  std::vector<Diagnostic> mistakes_;
};

// Reads blocks while the ones before are worked on; hands the results of each batch over in the file's order.
template <class Result>
void for_each_block(VectorFile& file, int threads, const std::function<Result(const VectorFile::Block&)>& work,
                    const std::function<void(Result&)>& finish) {
  std::vector<VectorFile::Block> blocks = file.read(kBlocksAtATime);
  while (!blocks.empty()) {
    auto reading = std::async(std::launch::async, [&file] { return file.read(kBlocksAtATime); });
    std::vector<Result> results(blocks.size());
    parallel_for(
        static_cast<std::int64_t>(blocks.size()),
        [&](std::int64_t i) { results[static_cast<std::size_t>(i)] = work(blocks[static_cast<std::size_t>(i)]); },
        threads);
    for (const Result& result : results) {
      if (!result.mistakes.empty()) {
        reading.wait();
        throw ConfigError(result.mistakes);
      }
    }
    for (Result& result : results) {
      finish(result);
    }
    blocks = reading.get();
  }
}

void require_rows(const VectorFile& file, std::int64_t rows) {
  if (rows == 0) {
    throw ConfigError({file.name(), 0, 0}, "there are no rows after the header");
  }
}

constexpr int kResult = -1;  // in place of a column's index

// The columns that `only` names.
std::vector<int> chosen_columns(const VectorFile& file, const WriteOptions& options) {
  std::vector<int> chosen;
  for (const std::string& name : options.only) {
    chosen.push_back(name == options.result_name ? kResult : file.find(name));
    if (chosen.back() == kResult && name != options.result_name) {
      static_cast<void>(file.require(name, fmt::format("'{}' is the name of the result", options.result_name)));
    }
  }
  return chosen;
}

std::string header_line(const VectorFile& file, const std::vector<int>& chosen, const WriteOptions& options) {
  std::vector<std::string> names;
  for (const int column : chosen) {
    names.push_back(column == kResult ? "" : file.columns()[static_cast<std::size_t>(column)]);
  }
  const auto& others = chosen.empty() ? file.columns() : names;
  const bool taken = std::find(others.begin(), others.end(), options.result_name) != others.end();
  const std::string result = options.result_name + (taken ? "_mantissa" : "");
  if (chosen.empty()) {
    return file.header() + "," + result + "\n";
  }
  std::replace(names.begin(), names.end(), std::string(), result);
  return fmt::format("{}\n", fmt::join(names, ","));
}

}  // namespace

void write_rows(VectorFile& file, const RowFunction& function, const WriteOptions& options, std::ostream& out) {
  struct Part {
    std::string text;
    std::int64_t rows = 0;
    std::vector<Diagnostic> mistakes;
  };
  const std::vector<int> chosen = chosen_columns(file, options);
  const int digits = hex_digits(function.result());
  const auto work = [&](const VectorFile::Block& block) {
    Part part;
    part.text.reserve(block.text.size() + block.text.size() / 4);
    const auto append_result = [&](const Row& row) {
      for (const std::uint32_t code : row.codes) {
        append_code(code, digits, part.text);
      }
    };
    BlockWalk walk(file, function);
    part.rows = walk.rows(block, [&](const Row& row) {
      if (chosen.empty()) {
        part.text.append(row.text).append(1, ',');
        append_result(row);
      }
      for (std::size_t i = 0; i < chosen.size(); ++i) {
        part.text.append(i > 0 ? 1 : 0, ',');
        if (chosen[i] == kResult) {
          append_result(row);
        } else {
          part.text.append(row.cells[static_cast<std::size_t>(chosen[i])]);
        }
      }
      part.text += '\n';
    });
    part.mistakes = walk.mistakes();
    return part;
  };
  std::int64_t rows = 0;
  for_each_block<Part>(file, options.threads, work, [&](Part& part) {
    out << (rows == 0 && part.rows > 0 ? header_line(file, chosen, options) : "") << part.text;
    rows += part.rows;
    if (!out) {
      throw UsageError("the result cannot be written; is the disk full?");
    }
  });
  require_rows(file, rows);
}

namespace {

class Comparer {
 public:
  Comparer(const VectorFile& file, const RowFunction& function, const CompareOptions& options)
      : function_(function),
        options_(options),
        column_(static_cast<std::size_t>(options.column)),
        what_("column " + file.columns()[column_]) {}

  // Adds the row to `sum`. Throws CellMistake for a bad expected cell.
  void add(const Row& row, std::vector<std::uint32_t>& expected, Comparison& sum) const {
    const numerics::Format& format = function_.result();
    const std::string_view cell = row.cells[column_];
    parse_codes(cell, format, what_.c_str(), expected);
    if (expected.size() != row.codes.size()) {
      throw CellMistake{0, fmt::format("{} holds {} elements of {}, the result {}", what_, expected.size(), format.name,
                                       row.codes.size())};
    }
    const auto differs = [&](std::uint32_t x, std::uint32_t y) {
      return x != y && (options_.nan_bits || !is_nan_code(format, x) || !is_nan_code(format, y));
    };
    std::size_t at = 0;
    while (at < expected.size() && !differs(expected[at], row.codes[at])) {
      ++at;
    }
    if (at < expected.size()) {
      add_mismatch(row, steps_apart(format, expected[at], row.codes[at]), sum);
    }
  }

 private:
  void add_mismatch(const Row& row, std::int64_t steps, Comparison& sum) const {
    ++sum.differ;
    sum.special_differ += steps < 0 ? 1 : 0;
    sum.largest_steps = std::max(sum.largest_steps, steps);
    if (sum.first.size() < options_.show) {
      Mismatch m{row.line, {}, std::string(row.cells[column_]), {}, steps};
      for (const int input : function_.inputs()) {
        m.inputs.emplace_back(row.cells[static_cast<std::size_t>(input)]);
      }
      for (const std::uint32_t code : row.codes) {
        append_code(code, hex_digits(function_.result()), m.got);
      }
      sum.first.push_back(std::move(m));
    }
  }

  const RowFunction& function_;
  const CompareOptions& options_;
  std::size_t column_;
  std::string what_;
};

}  // namespace

Comparison compare_rows(VectorFile& file, const RowFunction& function, const CompareOptions& options) {
  struct Part {
    Comparison sum;
    std::vector<Diagnostic> mistakes;
  };
  const Comparer comparer(file, function, options);
  const auto work = [&](const VectorFile::Block& block) {
    Part part;
    std::vector<std::uint32_t> expected;
    BlockWalk walk(file, function);
    part.sum.rows = walk.rows(block, [&](const Row& row) {
      try {
        comparer.add(row, expected, part.sum);
      } catch (const CellMistake& mistake) {
        walk.add(row, row.cells[static_cast<std::size_t>(options.column)], mistake);
      }
    });
    part.mistakes = walk.mistakes();
    return part;
  };
  Comparison total;
  total.column = file.columns()[static_cast<std::size_t>(options.column)];
  for_each_block<Part>(file, options.threads, work, [&](Part& part) {
    total.rows += part.sum.rows;
    total.differ += part.sum.differ;
    total.special_differ += part.sum.special_differ;
    total.largest_steps = std::max(total.largest_steps, part.sum.largest_steps);
    for (Mismatch& m : part.sum.first) {
      if (total.first.size() < options.show) {
        total.first.push_back(std::move(m));
      }
    }
  });
  require_rows(file, total.rows);
  return total;
}

}  // namespace mantissa::study
