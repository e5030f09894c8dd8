// SPDX-License-Identifier: Apache-2.0
// The lowest floor: units, messages, suggestions, parallel work.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <type_traits>

#include "base/error.h"
#include "base/parallel.h"
#include "base/text.h"
#include "base/units.h"

namespace mantissa {
namespace {

// Built member by member: GCC 12 sees uninitialised strings in nested braces that are not there.
Diagnostic diagnostic(const std::string& file, int line, int column, const std::string& message,
                      const std::string& text) {
  Diagnostic d;
  d.pos.file = file;
  d.pos.line = line;
  d.pos.column = column;
  d.message = message;
  d.source_line = text;
  return d;
}

template <class A, class B>
concept Addable = requires(A a, B b) {
  a + b;
};

TEST(Units, OnlyEqualUnitsAdd) {
  static_assert(Addable<Cycles, Cycles>);
  static_assert(!Addable<Cycles, Bytes>);
  static_assert(!Addable<Cycles, std::int64_t>);
  static_assert(!std::is_convertible_v<std::int64_t, Cycles>);
  EXPECT_EQ((Cycles(3) + Cycles(4) * 2).count(), 11);
  EXPECT_LT(Bytes(3), Bytes(4));
  EXPECT_EQ(ratio(Cycles(1), Cycles(4)), 0.25);
  EXPECT_EQ(ratio(Cycles(1), Cycles(0)), 0);
}

TEST(Units, MixedOperationsAreNamed) {
  EXPECT_DOUBLE_EQ(at(Cycles(1050), Hertz(1.05e9)).count(), 1e-6);
  EXPECT_DOUBLE_EQ(average_power(Joules(6), Seconds(2)).count(), 3);
  EXPECT_DOUBLE_EQ(macs_per_second(Macs(100), Seconds(4)), 25);
  EXPECT_DOUBLE_EQ(transfer_time(Bytes(10), BytesPerSecond(5)).count(), 2);
}

TEST(Units, DivisionRoundsUp) {
  EXPECT_EQ(ceil_div(9, 4), 3);
  EXPECT_EQ(ceil_div(8, 4), 2);
  EXPECT_EQ(round_up(9, 4), 12);
}

TEST(Diagnostics, PutsTheCaretUnderTheColumn) {
  EXPECT_EQ(to_string(diagnostic("f.yaml", 5, 3, "wrong", "  key: 1")),
            "f.yaml:5:3: error: wrong\n      key: 1\n      ^");
  EXPECT_EQ(to_string(diagnostic("f.onnx", 0, 0, "wrong", "")), "f.onnx: error: wrong");
  EXPECT_EQ(to_string(diagnostic("", 0, 0, "wrong", "")), "error: wrong");
}

TEST(Diagnostics, KeepsTabsSoThatTheCaretLinesUp) {
  EXPECT_EQ(to_string(diagnostic("f", 1, 4, "w", "a\tb: 1")), "f:1:4: error: w\n    a\tb: 1\n     \t ^");
}

TEST(Diagnostics, AConfigErrorHoldsAllOfThem) {
  const ConfigError error({diagnostic("f", 1, 1, "one", ""), diagnostic("f", 2, 1, "two", "")});
  EXPECT_STREQ(error.what(), "f:1:1: error: one\nf:2:1: error: two");
  EXPECT_EQ(error.diagnostics().size(), 2u);
}

TEST(Check, ThrowsWithThePlace) {
  EXPECT_NO_THROW(check(true, "fine"));
  try {
    check(false, "a law is broken");
    FAIL();
  } catch (const std::logic_error& e) {
    EXPECT_THAT(e.what(), ::testing::HasSubstr("base_test.cpp"));
    EXPECT_THAT(e.what(), ::testing::HasSubstr("a law is broken"));
  }
}

TEST(Suggestion, FindsASlipOfTheFingerButNotAnotherWord) {
  const std::vector<std::string> words = {"rows", "cols", "weight_rows_per_cycle"};
  EXPECT_EQ(nearest("colums", words), "cols");
  EXPECT_EQ(nearest("weight_row_per_cycle", words), "weight_rows_per_cycle");
  EXPECT_EQ(nearest("banana", words), "");
  EXPECT_EQ(suggestion("colums", words), "; did you mean 'cols'?");
  EXPECT_EQ(suggestion("banana", words), "; known: rows, cols, weight_rows_per_cycle");
  EXPECT_EQ(suggestion("banana", words, 2), "; known: rows, cols, ...");
  EXPECT_EQ(suggestion("banana", {}), "");
  EXPECT_EQ(nearest(std::string(10000, 'x'), words), "");
}

TEST(Suggestion, CountsASwapOfNeighboursOnce) {
  const std::vector<std::string> known{"cores", "run", "list"};
  EXPECT_EQ(nearest("coers", known), "cores");
  EXPECT_EQ(nearest("rnu", known), "run");
}

TEST(Parallel, CallsEachIndexOnceWhateverTheThreads) {
  for (const int threads : {0, 1, 3, 8}) {
    std::vector<std::atomic<int>> calls(100);
    parallel_for(
        100, [&](std::int64_t i) { ++calls[static_cast<std::size_t>(i)]; }, threads);
    for (const auto& c : calls) {
      EXPECT_EQ(c.load(), 1);
    }
  }
  parallel_for(0, [](std::int64_t) { FAIL(); });
}

TEST(Parallel, HandsOnTheFirstException) {
  EXPECT_THROW(parallel_for(
                   10, [](std::int64_t i) { i == 5 ? throw ModelError("unit", "no") : void(); }, 2),
               ModelError);
}

}  // namespace
}  // namespace mantissa
