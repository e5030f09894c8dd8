// SPDX-License-Identifier: Apache-2.0
#include "config/expression.h"

#include <fmt/format.h>
#include <muParser.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "config/expression_scan.h"

namespace mantissa::config {
namespace {

constexpr std::size_t kMaxLength = 2000;
constexpr const char* kNameCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.";

// What has no value. In an expression with a condition it ends the evaluation, because muParser would take NaN for
// true; in others NaN is carried on, so that `false && ...` can have one.
struct NoValue {};

template <bool kThrow>
double no_value() {
  if (kThrow) {
    throw NoValue{};
  }
  return std::numeric_limits<double>::quiet_NaN();
}

template <bool kThrow>
double checked(double result) {
  return std::isnan(result) ? no_value<kThrow>() : result;
}

template <bool kThrow>
double truth(double a, double b, bool holds) {
  return std::isnan(a) || std::isnan(b) ? no_value<kThrow>() : static_cast<double>(holds);
}

double both(double a, double b) {
  return a == 0 || b == 0 ? 0 : std::isnan(a) || std::isnan(b) ? std::numeric_limits<double>::quiet_NaN() : 1;
}
bool is_true(double a) {
  return a != 0 && !std::isnan(a);
}
double either(double a, double b) {
  return is_true(a) || is_true(b) ? 1 : std::isnan(a) || std::isnan(b) ? std::numeric_limits<double>::quiet_NaN() : 0;
}

template <bool kThrow>
void define_operators(mu::Parser& p) {
  p.EnableBuiltInOprt(false);
  p.DefineOprt("||", either, mu::prLOR);
  p.DefineOprt("&&", both, mu::prLAND);
  p.DefineOprt(
      "<", [](double a, double b) { return truth<kThrow>(a, b, a < b); }, mu::prCMP);
  p.DefineOprt(
      "<=", [](double a, double b) { return truth<kThrow>(a, b, a <= b); }, mu::prCMP);
  p.DefineOprt(
      ">", [](double a, double b) { return truth<kThrow>(a, b, a > b); }, mu::prCMP);
  p.DefineOprt(
      ">=", [](double a, double b) { return truth<kThrow>(a, b, a >= b); }, mu::prCMP);
  p.DefineOprt(
      "==", [](double a, double b) { return truth<kThrow>(a, b, a == b); }, mu::prCMP);
  p.DefineOprt(
      "!=", [](double a, double b) { return truth<kThrow>(a, b, a != b); }, mu::prCMP);
  p.DefineOprt(
      "+", [](double a, double b) { return checked<kThrow>(a + b); }, mu::prADD_SUB);
  p.DefineOprt(
      "-", [](double a, double b) { return checked<kThrow>(a - b); }, mu::prADD_SUB);
  p.DefineOprt(
      "*", [](double a, double b) { return checked<kThrow>(a * b); }, mu::prMUL_DIV);
  p.DefineOprt(
      "/", [](double a, double b) { return b == 0 ? no_value<kThrow>() : checked<kThrow>(a / b); }, mu::prMUL_DIV);
  p.DefineOprt(
      "^", [](double a, double b) { return a == 0 && b < 0 ? no_value<kThrow>() : checked<kThrow>(std::pow(a, b)); },
      mu::prPOW, mu::oaRIGHT);
  p.DefineInfixOprt("!", [](double a) { return std::isnan(a) ? a : static_cast<double>(a == 0); });
}

template <bool kThrow>
void define_functions(mu::Parser& p) {
  p.ClearFun();
  p.ClearConst();
  p.DefineFun("abs", [](double x) { return std::abs(x); });
  p.DefineFun("ceil", [](double x) { return std::ceil(x); });
  p.DefineFun("floor", [](double x) { return std::floor(x); });
  p.DefineFun("round", [](double x) { return std::round(x); });
  p.DefineFun("exp", [](double x) { return std::exp(x); });
  p.DefineFun("sqrt", [](double x) { return x < 0 ? no_value<kThrow>() : std::sqrt(x); });
  p.DefineFun("ln", [](double x) { return x <= 0 ? no_value<kThrow>() : std::log(x); });
  p.DefineFun("log2", [](double x) { return x <= 0 ? no_value<kThrow>() : std::log2(x); });
  p.DefineFun("log10", [](double x) { return x <= 0 ? no_value<kThrow>() : std::log10(x); });
  p.DefineFun("min", [](const double* x, int n) {
    double least = x[0];
    for (int i = 1; i < n; ++i) {
      least = std::isnan(x[i]) || x[i] < least ? x[i] : least;
    }
    return least;
  });
  p.DefineFun("max", [](const double* x, int n) {
    double most = x[0];
    for (int i = 1; i < n; ++i) {
      most = std::isnan(x[i]) || x[i] > most ? x[i] : most;
    }
    return most;
  });
}

// The first place of a name as a whole word.
std::size_t find_name(const std::string& text, const std::string& name) {
  for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
    const std::size_t end = at + name.size();
    if ((at == 0 || !continues_name(text[at - 1])) && (end == text.size() || !continues_name(text[end]))) {
      return at;
    }
  }
  return 0;
}

std::string explain(const mu::ParserError& e) {
  const std::string token = e.GetToken().substr(0, e.GetToken().find_last_not_of(' ') + 1);
  switch (e.GetCode()) {
    case mu::ecUNEXPECTED_EOF:
      return "the formula ends too early; a value is missing";
    case mu::ecMISSING_PARENS:
      return "a parenthesis is not closed; add ')'";
    case mu::ecTOO_MANY_PARAMS:
      return fmt::format("too many arguments for '{}'", token);
    case mu::ecTOO_FEW_PARAMS:
      return fmt::format("too few arguments for '{}'", token);
    case mu::ecMISSING_ELSE_CLAUSE:
    case mu::ecMISPLACED_COLON:
      return "a condition has the form 'condition ? a : b'";
    case mu::ecUNEXPECTED_VAL:
    case mu::ecUNEXPECTED_VAR:
      return fmt::format("an operator is missing before '{}'", token);
    case mu::ecUNEXPECTED_PARENS:
    case mu::ecUNEXPECTED_OPERATOR:
    case mu::ecUNEXPECTED_ARG_SEP:
      return fmt::format("'{}' cannot stand here; a value is missing before it, or it is one too many", token);
    case mu::ecUNASSIGNABLE_TOKEN:
      if (std::string_view("+-*/^<>=!&|?:,)").find(token[0]) != std::string_view::npos) {
        return fmt::format("'{}' cannot stand here; a value is missing before it, or it is one too many", token[0]);
      }
      return fmt::format("'{}' is no part of a formula; see docs/sweeps.md for what it may hold", token.substr(0, 20));
    default:
      return fmt::format("not a formula: {}", e.GetMsg());
  }
}

}  // namespace

struct Expression::State {
  mu::Parser parser;
  std::vector<std::string> names;
  std::vector<double> values;  // that the parser reads
};

bool is_expression_name(const std::string& text) {
  return !text.empty() && begins_name(text[0]) && std::all_of(text.begin(), text.end(), continues_name) &&
         text.back() != '.' && !is_function(text) && text != "and" && text != "or" && text != "not";
}

Expression::Expression(const YamlNode& scalar) : node_(scalar) {
  if (scalar.kind() == YamlNode::Kind::kNull) {
    scalar.error("a formula is missing here");
    return;
  }
  text_ = scalar.text();  // reports what is no scalar
  if (scalar.kind() != YamlNode::Kind::kScalar) {
    return;
  }
  if (text_.size() > kMaxLength) {
    scalar.error(fmt::format("the formula has {} characters; at most {}", text_.size(), kMaxLength));
    return;
  }
  if (text_.find_first_not_of(" \n") == std::string::npos) {
    scalar.error("a formula is missing here");
    return;
  }
  std::replace(text_.begin(), text_.end(), '\n', ' ');
  const ExpressionScan scan(text_);
  if (!scan.mistake.empty()) {
    scalar.error_within(scan.place, scan.mistake);
    return;
  }
  auto state = std::make_shared<State>();
  state->names.assign(scan.names.begin(), scan.names.end());
  state->values.assign(state->names.size(), 1.0);
  try {
    mu::Parser& parser = state->parser;
    parser.DefineNameChars(kNameCharacters);
    scan.condition ? define_operators<true>(parser) : define_operators<false>(parser);
    scan.condition ? define_functions<true>(parser) : define_functions<false>(parser);
    for (std::size_t i = 0; i < state->names.size(); ++i) {
      parser.DefineVar(state->names[i], &state->values[i]);
    }
    parser.SetExpr(text_);
    int results = 1;
    try {
      parser.Eval(results);
    } catch (const NoValue&) {
      results = 1;  // with these values, or ever: its evaluation will say
    }
    if (results != 1) {
      scalar.error("a formula has one value; ',' stands only between arguments of a function");
      return;
    }
  } catch (const mu::ParserError& e) {
    const auto place = static_cast<std::size_t>(std::max(0, static_cast<int>(e.GetPos())));
    scalar.error_within(std::min(place, text_.size()), explain(e));
    return;
  }
  state_ = std::move(state);
}

const std::vector<std::string>& Expression::names() const {
  static const std::vector<std::string> none;
  return state_ ? state_->names : none;
}

void Expression::error_at(const std::string& name, const std::string& message) const {
  node_.error_within(find_name(text_, name), message);
}

double Expression::evaluate(std::span<const double> values) const {
  std::copy(values.begin(), values.end(), state_->values.begin());
  try {
    return state_->parser.Eval();
  } catch (const NoValue&) {
    return std::numeric_limits<double>::quiet_NaN();
  }
}

std::string Expression::why_no_value(std::span<const double> values) const {
  std::string where;
  for (std::size_t i = 0; i < values.size(); ++i) {
    where += fmt::format("{}{} = {:.12g}", i == 0 ? " where " : ", ", state_->names[i], values[i]);
  }
  return fmt::format(
      "'{}' has no finite value{}; a division by zero? guard it as in 'n > 0 ? a / n : 0', or put a constraint that "
      "leaves this point out before it",
      text_, where);
}

double Expression::value(const std::function<double(const std::string&)>& lookup) const {
  std::vector<double> values;
  for (const std::string& name : names()) {
    values.push_back(lookup(name));
  }
  const double result = evaluate(values);
  if (!std::isfinite(result)) {
    throw ConfigError(node_.pos(), why_no_value(values));
  }
  return result;
}

}  // namespace mantissa::config
