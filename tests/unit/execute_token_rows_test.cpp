// SPDX-License-Identifier: Apache-2.0
// Rows of token ids in NumPy files: what is read, and what is told about files that are none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "execute/token_rows.h"
#include "support/files.h"
#include "support/npy.h"

namespace mantissa::execute {
namespace {

using test::npy;
using test::words;
using testing::HasSubstr;

std::string error_of(const std::string& bytes, std::int64_t count = 1) {
  const test::TemporaryFolder folder;
  const std::string path = folder.write("rows.npy", bytes);
  try {
    load_token_rows(path, count);
  } catch (const ConfigError& e) {
    EXPECT_THAT(e.what(), HasSubstr(path + ": error: "));
    return std::string(e.what()).substr(path.size() + 9);
  }
  return "no error";
}

TEST(TokenRows, ReadsTheFirstRowsOfIntegersOfAnyWidth) {
  const test::TemporaryFolder folder;
  const TokenRows two =
      load_token_rows(folder.write("a.npy", npy("<u2", "(3, 2)", words({1, 300, 65535, 4, 5, 6}))), 2);
  EXPECT_EQ(two.count, 2);
  EXPECT_EQ(two.length, 2);
  EXPECT_EQ(two.ids, (std::vector<std::int64_t>{1, 300, 65535, 4}));
  EXPECT_EQ(two.row(1)[0], 65535);
  const TokenRows bytes = load_token_rows(folder.write("b.npy", npy("|u1", "(1, 3)", "\x01\xff\x02")), 1);
  EXPECT_EQ(bytes.ids, (std::vector<std::int64_t>{1, 255, 2}));
  const TokenRows wide = load_token_rows(
      folder.write("c.npy", npy("<i8", "(1, 2)", std::string("\7\0\0\0\0\0\0\0\xff\xff\xff\x7f\0\0\0\0", 16))), 1);
  EXPECT_EQ(wide.ids, (std::vector<std::int64_t>{7, 2147483647}));
}

TEST(TokenRows, TellsWhatIsWrongWithAFile) {
  const char* how = "; write it with numpy.save, an array [rows, tokens] of integers";
  EXPECT_EQ(error_of(""), std::string("it is no NumPy file") + how);
  EXPECT_EQ(error_of("In the beginning God created the heaven and the earth."),
            std::string("it is no NumPy file") + how);
  EXPECT_EQ(error_of(std::string("\x93NUMPY\x09\x00\x01\x00x", 11)), "its format version is 9; 1 to 3 are read");
  EXPECT_EQ(error_of(std::string("\x93NUMPY\x01\x00\xff\xff{", 11)),
            "its header has 65535 bytes; at most 1024 are read");
  EXPECT_EQ(error_of(std::string("\x93NUMPY\x01\x00\x40\x00{", 11)), "the file ends too early");
  EXPECT_EQ(error_of(std::string("\x93NUMPY\x01\x00\x02\x00{}", 12)), std::string("its header cannot be read") + how);
  EXPECT_EQ(error_of(npy("<f4", "(1, 2)", std::string(8, 0))),
            "its elements are '<f4'; token ids are little-endian integers");
  EXPECT_EQ(error_of(npy(">u2", "(1, 2)", std::string(4, 0))),
            "its elements are '>u2'; token ids are little-endian integers");
  EXPECT_EQ(error_of(npy("<u2", "(4,)", words({1, 2, 3, 4}))), std::string("it holds an array of shape (4,)") + how);
  EXPECT_EQ(error_of(npy("<u2", "(2, 2)", words({1, 2, 3, 4}), "True")),
            std::string("it holds an array of shape (2, 2) in Fortran's order") + how);
  EXPECT_EQ(error_of(npy("<u2", "(0, 2)", "")),
            "it holds 0 rows of 2 tokens; 1 to 10000000 rows of 2 to 1048576 tokens are read");
  EXPECT_EQ(error_of(npy("<u2", "(2, 2)", words({1, 2, 3}))),
            "2 rows of 2 tokens make a file of 136 bytes; it has 134");
  EXPECT_EQ(error_of(npy("<u2", "(2, 2)", words({1, 2, 3, 4, 5}))),
            "2 rows of 2 tokens make a file of 136 bytes; it has 138");
  EXPECT_EQ(error_of(npy("<u2", "(2, 2)", words({1, 2, 3, 4})), 3), "it has 2 rows, the workload asks for 3");
  EXPECT_EQ(error_of(npy("<i2", "(2, 2)", words({1, 2, 0xffff, 4})), 2),
            "row 2, token 1 is negative; token ids are 0 to 2147483647");
  EXPECT_EQ(error_of(npy("<u8", "(1, 2)", std::string(12, 0) + std::string("\1\0\0\0", 4))),
            "row 1, token 2 is 4294967296; token ids are 0 to 2147483647");
  EXPECT_THROW(load_token_rows("/nowhere/rows.npy", 1), ConfigError);
  EXPECT_THROW(load_token_rows("/tmp", 1), ConfigError);
}

}  // namespace
}  // namespace mantissa::execute
