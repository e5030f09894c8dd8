// SPDX-License-Identifier: Apache-2.0
// The YAML reader: what it hands out, and how it tells every mistake with file, line and column.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "config/yaml.h"

namespace mantissa::config {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The message of the mistakes that `read` reports about `text`; empty when there are none.
template <class Read>
std::string mistakes(const std::string& text, Read read) {
  try {
    const YamlNode root = YamlNode::parse(text, "f.yaml");
    read(root);
    root.finish();
  } catch (const ConfigError& e) {
    return e.what();
  }
  return {};
}

std::string parse_mistakes(const std::string& text) {
  return mistakes(text, [](const YamlNode&) {});
}

std::string integer_mistakes(const std::string& value) {
  return mistakes("n: " + value, [](const YamlNode& root) { MapReader(root).integer("n", 1, 100); });
}

std::string number_mistakes(const std::string& value) {
  return mistakes("n: " + value, [](const YamlNode& root) { MapReader(root).number("n", 0, 1e9); });
}

TEST(Yaml, HandsOutScalarsListsAndMapsInFileOrder) {
  const YamlNode root = YamlNode::parse("b: 2\na: {x: 1.5, y: true}\nlist: [p, \"q r\", 's']\n", "f.yaml");
  MapReader reader(root);
  EXPECT_EQ(reader.integer("b", 0, 9), 2);
  MapReader a(reader.required("a"));
  EXPECT_EQ(a.number("x", 0, 9), 1.5);
  EXPECT_TRUE(a.boolean_or("y", false));
  a.finish();
  std::vector<std::string> texts;
  for (const YamlNode& item : reader.required("list").items()) {
    texts.push_back(item.text());
  }
  EXPECT_EQ(texts, (std::vector<std::string>{"p", "q r", "s"}));
  reader.finish();
  EXPECT_NO_THROW(root.finish());
  const auto entries = root.entries();
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].first, "b");
  EXPECT_EQ(entries[2].second.items()[1].path(), "list[1]");
  EXPECT_EQ(entries[1].second.entries()[0].second.path(), "a.x");
}

TEST(Yaml, FallsBackOnlyWhereAKeyIsAbsent) {
  const YamlNode root = YamlNode::parse("a: 3\n", "f.yaml");
  MapReader reader(root);
  EXPECT_EQ(reader.integer_or("a", 7, 0, 9), 3);
  EXPECT_EQ(reader.integer_or("b", 7, 0, 9), 7);
  EXPECT_EQ(reader.number_or("c", 0.5, 0, 9), 0.5);
  EXPECT_EQ(reader.text("d", "x"), "x");
  EXPECT_FALSE(reader.find("e").has_value());
  EXPECT_NO_THROW(root.finish());
}

TEST(Yaml, ReportsAnUnknownKeyAtItsPlaceWithTheNearestOne) {
  const std::string message = mistakes("array:\n  colums: 128\n", [](const YamlNode& root) {
    MapReader top(root);
    MapReader array(top.required("array"));
    array.integer_or("cols", 1, 1, 999);
    array.integer_or("rows", 1, 1, 999);
    array.finish();
  });
  EXPECT_EQ(message, "f.yaml:2:3: error: unknown key 'array.colums'; did you mean 'cols'?\n      colums: 128\n      ^");
}

TEST(Yaml, ReportsAMissingKeyAtTheKeyOfItsMap) {
  const std::string message = mistakes("x: 1\ndram:\n  channels: 8\n", [](const YamlNode& root) {
    MapReader top(root);
    MapReader dram(top.required("dram"));
    dram.integer("channels", 1, 99);
    dram.integer("page_bytes", 1, 99);
  });
  EXPECT_EQ(message, "f.yaml:2:1: error: missing key 'dram.page_bytes'; add it here\n    dram:\n    ^");
}

TEST(Yaml, AMissingMapReportsOnlyItself) {
  const std::string message = mistakes("x: 1\n", [](const YamlNode& root) {
    MapReader top(root);
    MapReader dram(top.required("dram"));
    dram.integer("channels", 1, 99);
    EXPECT_THAT(dram.required("list").items(), IsEmpty());
    EXPECT_EQ(dram.text("name"), "");
  });
  EXPECT_EQ(message, "f.yaml:1:1: error: missing key 'dram'; add it here\n    x: 1\n    ^");
}

TEST(Yaml, ReportsSeveralMistakesTogetherInLineOrder) {
  const std::string message = mistakes("b: x\na: y\n", [](const YamlNode& root) {
    MapReader reader(root);
    reader.integer("a", 0, 1);
    reader.integer("b", 0, 1);
  });
  EXPECT_LT(message.find("f.yaml:1:4"), message.find("f.yaml:2:4"));
  EXPECT_NE(message.find("f.yaml:2:4"), std::string::npos);
}

TEST(Yaml, KeepsTwentyMistakesAndCountsTheRest) {
  std::string text;
  for (int i = 0; i < 25; ++i) {
    text += "k" + std::to_string(i) + ": 1\n";
  }
  try {
    const YamlNode root = YamlNode::parse(text, "f.yaml");
    MapReader(root).finish();
    root.finish();
    FAIL();
  } catch (const ConfigError& e) {
    EXPECT_EQ(e.diagnostics().size(), 21u);
    EXPECT_EQ(e.diagnostics().back().message, "5 more mistakes are not shown; correct these first");
  }
}

TEST(Yaml, RefusesDuplicateKeys) {
  EXPECT_EQ(parse_mistakes("a: 1\nb: 2\na: 3\n"),
            "f.yaml:3:1: error: duplicate key 'a'; it is already given on line 1\n    a: 3\n    ^");
  EXPECT_THAT(parse_mistakes("m: {x: 1, x: 2}\n"), HasSubstr("f.yaml:1:11: error: duplicate key 'x'"));
}

TEST(Yaml, RefusesWhatYamlReadsAsOctal) {
  EXPECT_THAT(integer_mistakes("010"), HasSubstr("f.yaml:1:4: error: '010' has a leading zero"));
  EXPECT_THAT(number_mistakes("007.5"), HasSubstr("leading zero"));
  EXPECT_EQ(number_mistakes("0.5"), "");
  EXPECT_EQ(number_mistakes("0"), "");
}

TEST(Yaml, TellsHowToWriteAnExponentInteger) {
  const auto read = [](const YamlNode& root) {
    MapReader(root).integer("n", 0, std::numeric_limits<std::int64_t>::max());
  };
  EXPECT_THAT(mistakes("n: 1e9", read), HasSubstr("write 1000000000 instead of 1e9"));
  EXPECT_THAT(mistakes("n: 2.0", read), HasSubstr("write 2 instead of 2.0"));
  EXPECT_THAT(mistakes("n: 2.5", read), HasSubstr("must be a whole number; found 2.5"));
}

TEST(Yaml, RefusesNumbersThatAreNoPlainDecimals) {
  for (const char* value : {".nan", "nan", ".inf",  "-.inf", "inf", "0x10",   "1_000", "12 MB", "1,5", ".5",
                            "5.",   "1e",  "\"5\"", "'5'",   "[5]", "{a: 5}", "true",  "~",     "+",   "--1"}) {
    EXPECT_THAT(number_mistakes(value), HasSubstr("'n' must be a number; found")) << value;
    EXPECT_THAT(integer_mistakes(value), HasSubstr("'n' must be a whole number")) << value;
  }
  EXPECT_THAT(number_mistakes("1e999"), HasSubstr("'n' must be between 0 and 1000000000; found 1e999"));
  EXPECT_THAT(number_mistakes("1e-999"), HasSubstr("must be between"));
}

TEST(Yaml, ChecksRangesWithBothEndsAllowed) {
  EXPECT_EQ(integer_mistakes("1"), "");
  EXPECT_EQ(integer_mistakes("100"), "");
  EXPECT_EQ(integer_mistakes("+7"), "");
  EXPECT_THAT(integer_mistakes("0"), HasSubstr("'n' must be between 1 and 100; found 0"));
  EXPECT_THAT(integer_mistakes("101"), HasSubstr("must be between"));
  EXPECT_THAT(integer_mistakes("99999999999999999999999"), HasSubstr("must be between"));
  EXPECT_THAT(integer_mistakes("-9223372036854775808"), HasSubstr("must be between"));
}

TEST(Yaml, ReadsOnlyTrueAndFalseAsBooleans) {
  const auto read = [](const YamlNode& root) { MapReader(root).boolean_or("b", true); };
  EXPECT_EQ(mistakes("b: false", read), "");
  for (const char* value : {"yes", "no", "on", "1", "True", "\"true\"", "[]", "~"}) {
    EXPECT_THAT(mistakes(std::string("b: ") + value, read), HasSubstr("must be true or false")) << value;
  }
}

TEST(Yaml, PointsAtTheKeyOfAnEmptyValue) {
  const std::string message = mistakes("a:\nb: 1\n", [](const YamlNode& root) { MapReader(root).text("a"); });
  EXPECT_THAT(message, HasSubstr("f.yaml:1:1: error: 'a' must be text; found nothing"));
}

TEST(Yaml, RefusesAnchorsAliasesMergeKeysAndTags) {
  EXPECT_THAT(parse_mistakes("a: &x 1\nb: *x\n"), HasSubstr("anchors (&name) are not supported"));
  EXPECT_THAT(parse_mistakes("a: &x [1]\n"), HasSubstr("anchors"));
  EXPECT_THAT(parse_mistakes("<<: {a: 1}\n"), HasSubstr("f.yaml:1:1: error: merge keys"));
  EXPECT_THAT(parse_mistakes("a: !!int 1\n"), HasSubstr("tags"));
  EXPECT_THAT(parse_mistakes("a: *nowhere\n"), HasSubstr("f.yaml:1:4: error: "));
}

TEST(Yaml, RefusesAnAliasBombAtItsFirstAnchor) {
  std::string bomb = "a: &a [x, x]\n";
  for (char c = 'b'; c < 'z'; ++c) {
    bomb += std::string(1, c) + ": &" + c + " [*" + static_cast<char>(c - 1) + ", *" + static_cast<char>(c - 1) + "]\n";
  }
  EXPECT_THAT(parse_mistakes(bomb), HasSubstr("f.yaml:1:"));
}

TEST(Yaml, RefusesTabsAsIndentationButNotElsewhere) {
  EXPECT_EQ(parse_mistakes("a:\n\tb: 1\n"),
            "f.yaml:2:1: error: a tab is used as indentation; use spaces\n    \tb: 1\n    ^");
  EXPECT_EQ(parse_mistakes("a: 1\t# comment\n"), "");
}

TEST(Yaml, RefusesASecondDocument) {
  EXPECT_THAT(parse_mistakes("a: 1\n---\nb: 2\n"), HasSubstr("f.yaml:3:1: error: a second YAML document"));
  EXPECT_EQ(parse_mistakes("---\na: 1\n"), "");
}

TEST(Yaml, RefusesEmptyFilesAndFilesThatAreNoMaps) {
  EXPECT_THAT(parse_mistakes(""), HasSubstr("f.yaml: error: the file is empty"));
  EXPECT_THAT(parse_mistakes("# only a comment\n"), HasSubstr("the file is empty"));
  EXPECT_THAT(mistakes("- 1\n", [](const YamlNode& root) { MapReader reader(root); }),
              HasSubstr("f.yaml:1:1: error: the file must be a map of keys and values; found a list"));
}

TEST(Yaml, ReportsSyntaxErrorsWithTheirPlace) {
  EXPECT_THAT(parse_mistakes("a: [1, 2\nb: 3\n"), HasSubstr("error: not valid YAML: "));
  EXPECT_THAT(parse_mistakes("a: \"open\n"), HasSubstr("f.yaml:1:4: error: the quotes are not closed"));
  EXPECT_THAT(parse_mistakes("a: \"open \\\"\n"), HasSubstr("the quotes are not closed"));
  EXPECT_THAT(parse_mistakes("a: 'it''s\n\n"), HasSubstr("the quotes are not closed"));
  EXPECT_EQ(parse_mistakes("a: 'it''s\n  closed'\n"), "");
  EXPECT_EQ(parse_mistakes("a: |\n  it's text\n"), "");
  EXPECT_EQ(parse_mistakes("a: >\n  \"text\n"), "");
  EXPECT_EQ(parse_mistakes("a: \"q \\\" r\"\n"), "");
  EXPECT_THAT(parse_mistakes("a: b: c\n"), HasSubstr("f.yaml:1:"));
  EXPECT_THAT(parse_mistakes("? [1]\n: 2\n"), HasSubstr("a key must be a word"));
}

TEST(Yaml, RefusesBytesThatAreNoText) {
  EXPECT_THAT(parse_mistakes("a: \xff\n"), HasSubstr("f.yaml:1:4: error: this is not UTF-8 text"));
  EXPECT_THAT(parse_mistakes(std::string("a: \0b\n", 6)), HasSubstr("f.yaml:1:4: error: control characters"));
  EXPECT_THAT(parse_mistakes("a: \"\\e[2J\"\n"), HasSubstr("control characters in text"));
  EXPECT_EQ(parse_mistakes("\xef\xbb\xbf"
                           "a: 1\r\n"),
            "");
}

TEST(Yaml, CountsColumnsInCharacters) {
  const std::string message =
      mistakes("{\"\xc3\xa4\xc3\xb6\": 1, n: x}\n", [](const YamlNode& root) { MapReader(root).integer("n", 0, 1); });
  EXPECT_THAT(message, HasSubstr("f.yaml:1:14: error"));
}

TEST(Yaml, BoundsDepthNodesAndSize) {
  EXPECT_EQ(parse_mistakes(std::string(64, '[') + std::string(64, ']')), "");
  EXPECT_THAT(parse_mistakes(std::string(65, '[') + std::string(65, ']')), HasSubstr("nested more than 64 deep"));
  EXPECT_THAT(parse_mistakes(std::string(10'001, '[')), HasSubstr("f.yaml:1:1: error: the line has 10001 bytes"));
  std::string wide = "[";
  for (int i = 0; i < 250'000; ++i) {
    wide += "1,\n";
  }
  EXPECT_THAT(parse_mistakes(wide + "1]"), HasSubstr("more than 200000 values"));
  EXPECT_THAT(parse_mistakes("#" + std::string(5 << 20, 'x')), HasSubstr("f.yaml: error: the file has"));
}

TEST(Yaml, TellsWhenAFileCannotBeRead) {
  EXPECT_THROW(YamlNode::load_file("/nowhere/x.yaml"), ConfigError);
  try {
    YamlNode::load_file("/tmp");
    FAIL();
  } catch (const ConfigError& e) {
    EXPECT_STREQ(e.what(), "/tmp: error: this is a folder; a YAML file was expected");
  }
}

TEST(Yaml, HashesTheBytesWithFnv1a) {
  // Published FNV-1a 64 test vector: "foobar".
  EXPECT_EQ(YamlNode::parse("foobar", "f.yaml").hash(), "85944171f73967e8");
}

}  // namespace
}  // namespace mantissa::config
