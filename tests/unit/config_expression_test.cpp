// SPDX-License-Identifier: Apache-2.0
// Formulas of config files: values, names, and where mistakes are told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/error.h"
#include "config/expression.h"

namespace mantissa::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

YamlNode scalar(const std::string& yaml) {
  return YamlNode::parse("f: " + yaml + "\n", "f.yaml").entries().front().second;
}

// In single quotes, so that any character of a formula can stand there.
double value(const std::string& formula, const std::map<std::string, double>& values = {}) {
  const YamlNode node = scalar("'" + formula + "'");
  const Expression expression(node);
  node.finish();
  return expression.value([&](const std::string& name) { return values.at(name); });
}

// "column: message" of the first mistake; columns count from the formula's first character, which is 1.
std::string mistake(const std::string& formula) {
  const YamlNode node = scalar("'" + formula + "'");
  const Expression expression(node);
  EXPECT_FALSE(expression.valid());
  try {
    node.finish();
  } catch (const ConfigError& e) {
    const Diagnostic& d = e.diagnostics().front();
    return std::to_string(d.pos.column - 4) + ": " + d.message;
  }
  return "no mistake";
}

TEST(Expression, ComputesAsMathematicsWritesIt) {
  EXPECT_EQ(value("1 + 2 * 3"), 7);
  EXPECT_EQ(value("(1 + 2) * 3"), 9);
  EXPECT_EQ(value("7 - 2 - 1"), 4);
  EXPECT_EQ(value("8 / 4 / 2"), 1);
  EXPECT_EQ(value("2 ^ 3 ^ 2"), 512);
  EXPECT_EQ(value("-2 ^ 2"), -4);
  EXPECT_EQ(value("2 * -3"), -6);
  EXPECT_EQ(value("3e7 + 1.5e-1 + .5"), 30000000.65);
  EXPECT_EQ(value("max(1, 5, 3) + min(4, 2) + abs(-1) + ceil(1.2) + floor(1.8) + round(2.5)"), 5 + 2 + 1 + 2 + 1 + 3);
  EXPECT_EQ(value("log2(8) + log10(100) + ln(exp(1)) + sqrt(9)"), 9);
}

TEST(Expression, ComparesAndCombines) {
  EXPECT_EQ(value("1 < 2"), 1);
  EXPECT_EQ(value("2 <= 1"), 0);
  EXPECT_EQ(value("2 == 2 && 3 != 3"), 0);
  EXPECT_EQ(value("2 >= 2 || 1 > 3"), 1);
  EXPECT_EQ(value("!(1 > 3)"), 1);
  EXPECT_EQ(value("1 + 1 == 2"), 1);
  EXPECT_EQ(value("0 || 1 && 0"), 0);
  EXPECT_EQ(value("3 > 2 ? 10 : 20"), 10);
  EXPECT_EQ(value("(1 < 2) == (3 < 4)"), 1);
  EXPECT_EQ(value("a<=-1", {{"a", -1}}), 1);
}

TEST(Expression, NamesHaveDotsAndTheLongestIsTaken) {
  const Expression e(scalar("'chip.dram.channels * chip.dram.channels_2 + batch / 1e3 + e5'"));
  EXPECT_THAT(e.names(), ElementsAre("batch", "chip.dram.channels", "chip.dram.channels_2", "e5"));
  EXPECT_EQ(value("a.b * a.b2 + a", {{"a", 1}, {"a.b", 10}, {"a.b2", 3}}), 31);
}

TEST(Expression, EvaluatesAgainForOtherValues) {
  const Expression e(scalar("'b - a'"));
  EXPECT_EQ(e.evaluate(std::vector<double>{1, 5}), 4);
  const Expression copy = e;
  EXPECT_EQ(copy.evaluate(std::vector<double>{7, 5}), -2);
  EXPECT_EQ(e.evaluate(std::vector<double>{1, 5}), 4);
}

TEST(Expression, MistakesAreToldAtTheirPlace) {
  EXPECT_EQ(mistake("a = 3"), "3: a formula does not assign; compare with '=='");
  EXPECT_EQ(mistake("a + * 2"), "5: '*' cannot stand here; a value is missing before it, or it is one too many");
  EXPECT_EQ(mistake("a b"), "3: an operator is missing before 'b'");
  EXPECT_EQ(mistake("(a + b"), "7: a parenthesis is not closed; add ')'");
  EXPECT_EQ(mistake("a)"), "2: ')' cannot stand here; a value is missing before it, or it is one too many");
  EXPECT_EQ(mistake("a +"), "4: the formula ends too early; a value is missing");
  EXPECT_EQ(mistake("a < b < c"), "7: comparisons do not chain; write 'a <= b && b <= c'");
  EXPECT_EQ(mistake("a & b"), "3: '&' is no operator; write '&&'");
  EXPECT_EQ(mistake("a and b"), "3: 'and' is no operator; write &&");
  EXPECT_EQ(mistake("2 * mx(1, 2)"), "5: there is no function 'mx'; did you mean 'max'?");
  EXPECT_EQ(mistake("max + 1"), "1: 'max' is a function; write max(...)");
  EXPECT_THAT(mistake("a, b"), HasSubstr("a formula has one value"));
  EXPECT_THAT(mistake("a $ b"), HasSubstr("3: '$ b' is no part of a formula"));
  EXPECT_THAT(mistake("sqrt(1, 2)"), HasSubstr("too many arguments for 'sqrt'"));
  EXPECT_THAT(mistake("a ? 1"), HasSubstr("a condition has the form"));
  EXPECT_THAT(mistake("  "), HasSubstr("a formula is missing here"));
  EXPECT_THAT(mistake(std::string(2001, '1')), HasSubstr("2001 characters"));
}

TEST(Expression, WhatHasNoValueIsAnError) {
  try {
    value("macs / n", {{"macs", 5}, {"n", 0}});
    FAIL() << "a division by zero has a value";
  } catch (const ConfigError& e) {
    EXPECT_THAT(e.what(),
                HasSubstr("f.yaml:1:4: error: 'macs / n' has no finite value where macs = 5, n = 0; a division by "
                          "zero?"));
  }
  EXPECT_THROW(value("1 / 0 <= 5"), ConfigError);
  EXPECT_THROW(value("sqrt(0 - 1)"), ConfigError);
  EXPECT_THROW(value("max(1, 1 / 0)"), ConfigError);
  EXPECT_THROW(value("ln(0) < 5"), ConfigError);
  EXPECT_THROW(value("0 ^ -1"), ConfigError);
  EXPECT_THROW(value("10 ^ 400"), ConfigError);
  EXPECT_THROW(value("1 / 0 ? 1 : 2"), ConfigError);
}

TEST(Expression, AGuardKeepsADivisionByZeroOut) {
  EXPECT_EQ(value("n > 0 ? 4 / n : 7", {{"n", 0}}), 7);
  EXPECT_EQ(value("n > 0 ? 4 / n : 7", {{"n", 2}}), 2);
  EXPECT_EQ(value("n > 0 && 4 / n < 3", {{"n", 0}}), 0);
  EXPECT_EQ(value("n == 0 || 4 / n < 3", {{"n", 0}}), 1);
  EXPECT_THROW(value("n == 0 && 4 / n < 3", {{"n", 0}}), ConfigError);
}

}  // namespace
}  // namespace mantissa::config
