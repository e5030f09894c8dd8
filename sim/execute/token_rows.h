// SPDX-License-Identifier: Apache-2.0
// Texts as rows of token ids, in a NumPy file: one two-dimensional array of integers. SOURCE of the format: NumPy's
// manual, "numpy.lib.format" (magic, version, length of the header, a Python dictionary as text, the elements).
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace mantissa::execute {

struct TokenRows {
  std::int64_t count = 0, length = 0;  // rows; tokens in a row
  std::vector<std::int64_t> ids;       // count x length
  std::span<const std::int64_t> row(std::int64_t i) const {
    return std::span(ids).subspan(static_cast<std::size_t>(i * length), static_cast<std::size_t>(length));
  }
};

// The first `count` rows of a .npy file; row-major integers of 1 to 8 bytes, little-endian. Throws ConfigError at the
// file: missing, no NumPy file, another kind of array, a size that its header does not say, fewer rows than asked for,
// ids that are negative or beyond 2^31.
TokenRows load_token_rows(const std::string& path, std::int64_t count);

}  // namespace mantissa::execute
