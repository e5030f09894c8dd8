// SPDX-License-Identifier: Apache-2.0
// Tables of measurements: what RFC 4180 allows, and where every field is.
#include <gtest/gtest.h>

#include "study/validate_table.h"

namespace mantissa::study {
namespace {

MeasuredTable parse(const std::string& text) {
  return MeasuredTable::parse(text, "t.csv");
}

TEST(MeasuredTable, QuotedFieldsHoldCommasQuotesAndLineBreaks) {
  const auto table = parse("id,text\n1,\"a, \"\"b\"\"\nc\"\n2,\n");
  ASSERT_EQ(table.rows().size(), 2u);
  EXPECT_EQ(table.text(table.rows()[0], "text"), "a, \"b\"\nc");
  EXPECT_EQ(table.text(table.rows()[1], "text"), "");
  // The line break inside the quotes counts: the second row begins on line 4.
  EXPECT_EQ(table.field(table.rows()[1], "id").line, 4);
}

TEST(MeasuredTable, BothLineBreaksAndAByteOrderMarkReadTheSame) {
  const auto unix_table = parse("a,b\n1,2\n"),
             dos = parse(
                 "\xef\xbb\xbf"
                 "a,b\r\n1,2\r\n"),
             open_end = parse("a,b\n1,2");
  for (const auto* table : {&unix_table, &dos, &open_end}) {
    ASSERT_EQ(table->header(), (std::vector<std::string>{"a", "b"}));
    ASSERT_EQ(table->rows().size(), 1u);
    EXPECT_EQ(table->number(table->rows()[0], "b"), 2);
    EXPECT_EQ(table->field(table->rows()[0], "b").column, 3);
  }
}

TEST(MeasuredTable, ANumberIsTheWholeField) {
  const auto table = parse("a,b,c,d\n1.5e3,0x1,nan, 1\n");
  EXPECT_EQ(table.number(table.rows()[0], "a"), 1500);
  for (const char* column : {"b", "c", "d"}) {
    EXPECT_THROW(table.number(table.rows()[0], column), ConfigError) << column;
  }
}

TEST(MeasuredTable, AShapeStandsBetweenItsBrackets) {
  const auto table = parse("a\n\"add (16, 24,)\"\n\"f16[2,3]{1,0}\"\nnone\n(-1)\n()\n");
  const auto& rows = table.rows();
  EXPECT_EQ(table.shape(rows[0], "a", "()"), (std::vector<std::int64_t>{16, 24}));
  EXPECT_EQ(table.shape(rows[1], "a", "[]"), (std::vector<std::int64_t>{2, 3}));
  for (std::size_t i = 2; i < rows.size(); ++i) {
    EXPECT_THROW(table.shape(rows[i], "a", "()"), ConfigError) << i;
  }
}

}  // namespace
}  // namespace mantissa::study
