// SPDX-License-Identifier: Apache-2.0
// Element-wise operators of one input. Functions are evaluated in double and rounded to the element type once, so that
// results do not depend on which single-precision routines the C library picks for the machine.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "network/ops/families.h"

namespace mantissa::network::ops {

namespace {

struct Parameters {
  double alpha = 0, beta = 0;
};

Parameters parameters_of(const Node& node) {
  const auto pair = [&](const char* second, float alpha, float beta) {
    return Parameters{static_cast<double>(node.real("alpha", alpha)), static_cast<double>(node.real(second, beta))};
  };
  switch (node.op) {
    case Op::kLeakyRelu:
      return pair("beta", 0.01F, 0);
    case Op::kElu:
    case Op::kCelu:
    case Op::kThresholdedRelu:
      return pair("beta", 1.0F, 0);
    case Op::kSelu:
      return pair("gamma", 1.67326319217681884765625F, 1.05070102214813232421875F);
    case Op::kHardSigmoid:
      return pair("beta", 0.2F, 0.5F);
    case Op::kShrink:
      return {static_cast<double>(node.real("lambd", 0.5F)), static_cast<double>(node.real("bias", 0.0F))};
    default:
      return {};
  }
}

using Function = double (*)(double x, const Parameters& p);

double sign(double x) {
  return x > 0 ? 1.0 : x < 0 ? -1.0 : x;
}
double sigmoid(double x) {
  return x >= 0 ? 1.0 / (1.0 + std::exp(-x)) : std::exp(x) / (1.0 + std::exp(x));
}
double hard_sigmoid(double x, double alpha, double beta) {
  return std::clamp(alpha * x + beta, 0.0, 1.0);
}
double shrink(double x, double lambda, double bias) {
  return x < -lambda ? x + bias : x > lambda ? x - bias : 0.0;
}
double softplus(double x) {
  return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
}
double gelu(double x) {
  return 0.5 * x * (1.0 + std::erf(x / std::numbers::sqrt2));
}

Function activation(Op op) {
  using P = Parameters;
  switch (op) {
    case Op::kRelu:
      return [](double x, const P&) { return x < 0 ? 0.0 : x; };
    case Op::kLeakyRelu:
      return [](double x, const P& p) { return x < 0 ? p.alpha * x : x; };
    case Op::kElu:
      return [](double x, const P& p) { return x < 0 ? p.alpha * std::expm1(x) : x; };
    case Op::kSelu:
      return [](double x, const P& p) { return p.beta * (x <= 0 ? p.alpha * std::expm1(x) : x); };
    case Op::kCelu:
      return [](double x, const P& p) { return x < 0 ? p.alpha * std::expm1(x / p.alpha) : x; };
    case Op::kThresholdedRelu:
      return [](double x, const P& p) { return x > p.alpha ? x : 0.0; };
    case Op::kShrink:
      return [](double x, const P& p) { return shrink(x, p.alpha, p.beta); };
    case Op::kSigmoid:
      return [](double x, const P&) { return sigmoid(x); };
    case Op::kHardSigmoid:
      return [](double x, const P& p) { return hard_sigmoid(x, p.alpha, p.beta); };
    case Op::kHardSwish:
      return [](double x, const P&) { return x * hard_sigmoid(x, 1.0 / 6.0, 0.5); };
    case Op::kSoftplus:
      return [](double x, const P&) { return softplus(x); };
    case Op::kSoftsign:
      return [](double x, const P&) { return x / (1.0 + std::abs(x)); };
    case Op::kSilu:
      return [](double x, const P&) { return x * sigmoid(x); };
    case Op::kGelu:
      return [](double x, const P&) { return gelu(x); };
    default:
      return nullptr;
  }
}

Function function(Op op) {
  using P = Parameters;
  switch (op) {
    case Op::kErf:
      return [](double x, const P&) { return std::erf(x); };
    case Op::kExp:
      return [](double x, const P&) { return std::exp(x); };
    case Op::kLog:
      return [](double x, const P&) { return std::log(x); };
    case Op::kSqrt:
      return [](double x, const P&) { return std::sqrt(x); };
    case Op::kReciprocal:
      return [](double x, const P&) { return 1.0 / x; };
    case Op::kAbs:
      return [](double x, const P&) { return std::abs(x); };
    case Op::kNeg:
      return [](double x, const P&) { return -x; };
    case Op::kFloor:
      return [](double x, const P&) { return std::floor(x); };
    case Op::kCeil:
      return [](double x, const P&) { return std::ceil(x); };
    case Op::kRound:
      return [](double x, const P&) { return std::nearbyint(x); };  // halves to even
    case Op::kSign:
      return [](double x, const P&) { return sign(x); };
    case Op::kSin:
      return [](double x, const P&) { return std::sin(x); };
    case Op::kCos:
      return [](double x, const P&) { return std::cos(x); };
    case Op::kTan:
      return [](double x, const P&) { return std::tan(x); };
    case Op::kAsin:
      return [](double x, const P&) { return std::asin(x); };
    case Op::kAcos:
      return [](double x, const P&) { return std::acos(x); };
    case Op::kAtan:
      return [](double x, const P&) { return std::atan(x); };
    case Op::kSinh:
      return [](double x, const P&) { return std::sinh(x); };
    case Op::kCosh:
      return [](double x, const P&) { return std::cosh(x); };
    case Op::kTanh:
      return [](double x, const P&) { return std::tanh(x); };
    case Op::kAsinh:
      return [](double x, const P&) { return std::asinh(x); };
    case Op::kAcosh:
      return [](double x, const P&) { return std::acosh(x); };
    case Op::kAtanh:
      return [](double x, const P&) { return std::atanh(x); };
    default:
      return activation(op);
  }
}

Dim integer_function(Op op, Dim x, ElementType type) {
  const bool negative = x < 0 && type != ElementType::kUint64;
  switch (op) {
    case Op::kRelu:
      return negative ? 0 : x;
    case Op::kAbs:
      return negative ? wrap(type, static_cast<Dim>(-static_cast<std::uint64_t>(x))) : x;
    case Op::kNeg:
      return wrap(type, static_cast<Dim>(-static_cast<std::uint64_t>(x)));
    case Op::kSign:
      return negative ? -1 : x != 0;
    default:
      fail("it takes float tensors, not {}", type_name(type));
  }
}

bool takes_integers(Op op) {
  return op == Op::kRelu || op == Op::kAbs || op == Op::kNeg || op == Op::kSign || op == Op::kClip;
}

// The bounds of a Clip: attributes before opset 11, inputs since; absent ones do not bind.
template <class T>
std::pair<T, T> clip_bounds(const Node& node, Tensors inputs) {
  std::pair<T, T> bounds{std::numeric_limits<T>::lowest(), std::numeric_limits<T>::max()};
  if (node.opset < 11) {
    return {static_cast<T>(node.real("min", std::numeric_limits<float>::lowest())),
            static_cast<T>(node.real("max", std::numeric_limits<float>::max()))};
  }
  if (has(inputs, 1)) {
    bounds.first = std::get<std::vector<T>>(inputs[1]->data)[0];
  }
  if (has(inputs, 2)) {
    bounds.second = std::get<std::vector<T>>(inputs[2]->data)[0];
  }
  return bounds;
}

template <class T>
void evaluate_clip(const Node& node, Tensors inputs, Tensor& out) {
  const auto [low, high] = clip_bounds<T>(node, inputs);
  const bool is_unsigned = inputs[0]->type == ElementType::kUint64;
  std::ranges::transform(
      std::get<std::vector<T>>(inputs[0]->data), std::get<std::vector<T>>(out.data).begin(), [&](T x) {
        if constexpr (std::is_integral_v<T>) {
          if (is_unsigned) {  // absent bounds are those of int64: the upper one does not bind
            const auto u = [](T v) { return static_cast<std::uint64_t>(v); };
            const std::uint64_t least = has(inputs, 1) ? u(low) : 0,
                                most = has(inputs, 2) ? u(high) : ~std::uint64_t{0};
            return static_cast<T>(std::min(std::max(u(x), least), most));
          }
        }
        return std::isnan(static_cast<double>(x)) ? x : std::min(std::max(x, low), high);  // where low > high: high
      });
}

template <class T>
void evaluate_real(const Node& node, const Tensor& in, Tensor& out) {
  const auto& x = std::get<std::vector<T>>(in.data);
  auto& y = std::get<std::vector<T>>(out.data);
  if (node.op == Op::kRelu) {  // the most frequent one
    std::ranges::transform(x, y.begin(), [](T v) { return v < T{0} ? T{0} : v; });
    return;
  }
  if (node.op == Op::kHardSwish) {  // inlined for speed; the same arithmetic
    std::ranges::transform(x, y.begin(), [](T v) {
      const double d = static_cast<double>(v);
      return static_cast<T>(d * hard_sigmoid(d, 1.0 / 6.0, 0.5));
    });
    return;
  }
  const Function f = function(node.op);
  require(f != nullptr, "it has no evaluation");
  const Parameters p = parameters_of(node);
  std::ranges::transform(x, y.begin(), [&](T v) { return static_cast<T>(f(static_cast<double>(v), p)); });
}

void evaluate_predicate(const Node& node, const Tensor& in, Tensor& out) {
  const bool positive = node.integer("detect_positive", 1) != 0, negative = node.integer("detect_negative", 1) != 0;
  for (Dim i = 0; i < len(out.ints().size()); ++i) {
    if (node.op == Op::kNot) {
      out.ints()[idx(i)] = in.ints()[idx(i)] == 0;
      continue;
    }
    const double x = real_at(in, i);
    const bool inf = std::isinf(x) && (x > 0 ? positive : negative);
    out.ints()[idx(i)] = node.op == Op::kIsNaN ? std::isnan(x) : inf;
  }
}

}  // namespace

Types infer_unary(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  if (node.op == Op::kNot) {
    require(x.type == ElementType::kBool, "its input must be bool, not {}", type_name(x.type));
    return {{ElementType::kBool, x.shape}};
  }
  if (!(takes_integers(node.op) && is_integer(x.type))) {
    require_float(x, "its input");
  }
  require(node.op != Op::kCelu || node.real("alpha", 1.0F) != 0.0F, "alpha must not be 0");
  for (std::size_t i = 1; i < inputs.size(); ++i) {  // Clip's bounds
    if (has(inputs, i)) {
      require(inputs[i]->type == x.type, "its bounds must be {}, not {}", type_name(x.type),
              type_name(inputs[i]->type));
      require(checked_count(inputs[i]->shape) == 1, "its bounds must be scalars, not of shape {}",
              to_string(inputs[i]->shape));
    }
  }
  const bool predicate = node.op == Op::kIsNaN || node.op == Op::kIsInf;
  return {{predicate ? ElementType::kBool : x.type, x.shape}};
}

std::vector<Tensor> evaluate_unary(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const Tensor& in = *inputs[0];
  if (node.op == Op::kClip) {
    std::visit(
        [&]<class T>(const std::vector<T>&) {
          if constexpr (!std::is_same_v<T, std::string>) {
            evaluate_clip<T>(node, inputs, out[0]);
          }
        },
        in.data);
  } else if (out[0].type == ElementType::kBool) {
    evaluate_predicate(node, in, out[0]);
  } else if (in.type == ElementType::kFloat) {
    evaluate_real<float>(node, in, out[0]);
  } else if (in.type == ElementType::kDouble) {
    evaluate_real<double>(node, in, out[0]);
  } else {
    std::ranges::transform(in.ints(), out[0].ints().begin(),
                           [&](Dim x) { return integer_function(node.op, x, in.type); });
  }
  return out;
}

}  // namespace mantissa::network::ops
