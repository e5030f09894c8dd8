// SPDX-License-Identifier: Apache-2.0
// NumPy files for tests, written byte by byte.
#pragma once
#include <string>
#include <vector>

namespace mantissa::test {

// A NumPy file of format 1.0, written by hand.
inline std::string npy(const std::string& type, const std::string& shape, const std::string& elements,
                       const std::string& order = "False") {
  std::string header = "{'descr': '" + type + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
  header.resize(117, ' ');
  header += '\n';
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' + header + elements;
}

inline std::string words(const std::vector<int>& values) {
  std::string bytes;
  for (const int v : values) {
    bytes += static_cast<char>(v & 0xff);
    bytes += static_cast<char>(v >> 8);
  }
  return bytes;
}

}  // namespace mantissa::test
