// SPDX-License-Identifier: Apache-2.0
// Element-wise arithmetic of several inputs with broadcasting: Add ... Mod, PRelu, BitShift, Min, Max, Mean, Sum.
// Integers wrap to their width; reals are computed in double and rounded once, which for + - * / equals the correctly
// rounded single-precision result.
#include <algorithm>
#include <cmath>

#include "network/ops/families.h"

namespace mantissa::network::ops {

namespace {

bool variadic(Op op) {
  return op == Op::kMin || op == Op::kMax || op == Op::kMean || op == Op::kSum;
}

// Before opset 7 the second operand broadcast only if asked, with its first dimension at `axis`.
Shape legacy_shape(const Node& node, const Shape& a, const Shape& b) {
  if (node.opset >= 7 || variadic(node.op) || !node.attributes.contains("axis")) {
    return b;
  }
  const std::size_t axis = axis_in(node.integer("axis", 0), a.size());
  require(axis + b.size() <= a.size(), "axis {} leaves no room for shape {} in {}", axis, to_string(b), to_string(a));
  Shape shape = b;
  shape.resize(a.size() - axis, 1);
  return shape;
}

// PRelu's slope broadcasts one way; before opset 7 one slope per channel was written as a vector.
Shape slope_shape(const Node& node, const Shape& x, const Shape& slope) {
  if (node.opset < 7 && slope.size() == 1 && x.size() > 1 && slope[0] == x[1]) {
    Shape shape(x.size() - 1, 1);
    shape[0] = slope[0];
    return shape;
  }
  require(broadcast(x, slope) == x, "the slope of shape {} does not broadcast to {}", to_string(slope), to_string(x));
  return slope;
}

Shape operand_shape(const Node& node, const Shape& a, const Shape& b) {
  return node.op == Op::kPRelu ? slope_shape(node, a, b) : legacy_shape(node, a, b);
}

Dim shift(Dim a, Dim b, bool left, ElementType type) {
  const std::uint64_t bits = static_cast<std::uint64_t>(b);
  if (bits >= 64) {
    return 0;
  }
  const std::uint64_t u = static_cast<std::uint64_t>(a);
  return wrap(type, static_cast<Dim>(left ? u << bits : u >> bits));
}

Dim integer_power(Dim base, Dim exponent) {
  if (exponent < 0) {
    require(base != 0, "0 to a negative power");
    return base == 1 ? 1 : base == -1 ? (exponent % 2 == 0 ? 1 : -1) : 0;
  }
  std::uint64_t result = 1, square = static_cast<std::uint64_t>(base);
  for (std::uint64_t e = static_cast<std::uint64_t>(exponent); e > 0; e >>= 1, square *= square) {
    result *= (e & 1) != 0 ? square : 1;
  }
  return static_cast<Dim>(result);
}

// Division and remainder of the machine's integers; unsigned ones of 64 bits are kept in the same bits.
Dim quotient(Dim a, Dim b, ElementType type) {
  require(b != 0, "integer division by zero");
  if (type == ElementType::kUint64) {
    return static_cast<Dim>(static_cast<std::uint64_t>(a) / static_cast<std::uint64_t>(b));
  }
  return b == -1 ? static_cast<Dim>(-static_cast<std::uint64_t>(a)) : a / b;  // the most negative value wraps
}

Dim remainder(Dim a, Dim b, ElementType type, bool sign_of_dividend) {
  require(b != 0, "integer remainder by zero");
  if (type == ElementType::kUint64) {
    return static_cast<Dim>(static_cast<std::uint64_t>(a) % static_cast<std::uint64_t>(b));
  }
  const Dim r = b == -1 ? 0 : a % b;
  return !sign_of_dividend && r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

Dim integer(const Node& node, ElementType type, Dim a, Dim b) {
  const std::uint64_t ua = static_cast<std::uint64_t>(a), ub = static_cast<std::uint64_t>(b);
  const bool less = type == ElementType::kUint64 ? ua < ub : a < b;
  switch (node.op) {
    case Op::kAdd:
    case Op::kSum:
      return wrap(type, static_cast<Dim>(ua + ub));
    case Op::kSub:
      return wrap(type, static_cast<Dim>(ua - ub));
    case Op::kMul:
      return wrap(type, static_cast<Dim>(ua * ub));
    case Op::kDiv:
      return wrap(type, quotient(a, b, type));
    case Op::kMod:
      return wrap(type, remainder(a, b, type, node.integer("fmod", 0) != 0));
    case Op::kPow:
      return wrap(type, integer_power(a, b));
    case Op::kMin:
      return less ? a : b;
    case Op::kMax:
      return less ? b : a;
    case Op::kPRelu:
      return a < 0 && type != ElementType::kUint64 ? wrap(type, static_cast<Dim>(ua * ub)) : a;
    case Op::kBitShift:
      return shift(a, b, node.text("direction", "") == "LEFT", type);
    default:
      fail("it takes float tensors, not {}", type_name(type));
  }
}

double modulo(double a, double b, bool sign_of_dividend) {
  const double r = std::fmod(a, b);
  return !sign_of_dividend && r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

// body(a, b) over the broadcast operands, as tight loops for the shapes that networks have.
template <class T, class Body>
void each(const Tensor& a, const std::vector<Dim>& sa, const Tensor& b, const std::vector<Dim>& sb, Tensor& out,
          Body&& body) {
  const auto& x = std::get<std::vector<T>>(a.data);
  const auto& y = std::get<std::vector<T>>(b.data);
  auto& z = std::get<std::vector<T>>(out.data);
  Walk walk(out.shape, {sa, sb});
  const Dim da = walk.inner_strides()[0], db = walk.inner_strides()[1];
  walk.run([&](Dim o, std::span<const Dim> at, Dim run) {
    const T* px = x.data() + at[0];
    const T* py = y.data() + at[1];
    T* pz = z.data() + o;
    if (da == 1 && db == 1) {
      for (Dim i = 0; i < run; ++i) {
        pz[i] = body(px[i], py[i]);
      }
      return;
    }
    for (Dim i = 0; i < run; ++i) {
      pz[i] = body(px[i * da], py[i * db]);
    }
  });
}

template <class T>
void real(const Node& node, const Tensor& a, const std::vector<Dim>& sa, const Tensor& b, const std::vector<Dim>& sb,
          Tensor& out) {
  const bool fmod = node.integer("fmod", 0) != 0;
  const auto in_double = [&](auto&& f) {
    each<T>(a, sa, b, sb, out,
            [&](T x, T y) { return static_cast<T>(f(static_cast<double>(x), static_cast<double>(y))); });
  };
  switch (node.op) {
    case Op::kAdd:
      return each<T>(a, sa, b, sb, out, [](T x, T y) { return x + y; });
    case Op::kSub:
      return each<T>(a, sa, b, sb, out, [](T x, T y) { return x - y; });
    case Op::kMul:
      return each<T>(a, sa, b, sb, out, [](T x, T y) { return x * y; });
    case Op::kDiv:
      return each<T>(a, sa, b, sb, out, [](T x, T y) { return x / y; });
    case Op::kPRelu:
      return each<T>(a, sa, b, sb, out, [](T x, T y) { return x < 0 ? x * y : x; });
    // A NaN of either operand is the result.
    case Op::kMin:
      return each<T>(a, sa, b, sb, out, [](T x, T y) { return std::isnan(x) || x < y ? x : y; });
    case Op::kMax:
      return each<T>(a, sa, b, sb, out, [](T x, T y) { return std::isnan(x) || x > y ? x : y; });
    case Op::kPow:
      if (b.shape.empty() && real_at(b, 0) == 2.0) {  // RMSNorm and LayerNorm; the square of a float is exact
        return in_double([](double x, double) { return x * x; });
      }
      return in_double([](double x, double y) { return std::pow(x, y); });
    case Op::kMod:
      return in_double([&](double x, double y) { return modulo(x, y, fmod); });
    default:
      fail("it takes integers, not {}", type_name(out.type));
  }
}

void apply(const Node& node, const Tensor& a, const Tensor& b, Tensor& out) {
  const std::vector<Dim> sa = broadcast_strides(a.shape, out.shape);
  const std::vector<Dim> sb = broadcast_strides(operand_shape(node, out.shape, b.shape), out.shape);
  if (out.type == ElementType::kFloat) {
    real<float>(node, a, sa, b, sb, out);
  } else if (out.type == ElementType::kDouble) {
    real<double>(node, a, sa, b, sb, out);
  } else {
    each<Dim>(a, sa, b, sb, out, [&](Dim x, Dim y) { return integer(node, out.type, x, y); });
  }
}

// Mean and Sum of reals add all operands in double and round once.
void add_up(const Node& node, Tensors inputs, Tensor& out) {
  std::vector<double> sum(idx(checked_count(out.shape)), 0.0);
  for (const Tensor* input : inputs) {
    Walk walk(out.shape, {broadcast_strides(input->shape, out.shape)});
    const Dim step = walk.inner_strides()[0];
    walk.run([&](Dim o, std::span<const Dim> at, Dim run) {
      for (Dim i = 0; i < run; ++i) {
        sum[idx(o + i)] += real_at(*input, at[0] + i * step);
      }
    });
  }
  const double divisor = node.op == Op::kMean ? static_cast<double>(inputs.size()) : 1.0;
  for (std::size_t i = 0; i < sum.size(); ++i) {
    if (out.type == ElementType::kFloat) {
      out.floats()[i] = static_cast<float>(sum[i] / divisor);
    } else {
      std::get<std::vector<double>>(out.data)[i] = sum[i] / divisor;
    }
  }
}

// Pow's exponent may have another type than its base.
void power_of_mixed_types(const Tensor& a, const Tensor& b, Tensor& out) {
  Walk walk(out.shape, {broadcast_strides(a.shape, out.shape), broadcast_strides(b.shape, out.shape)});
  const std::vector<Dim> step = walk.inner_strides();
  walk.run([&](Dim o, std::span<const Dim> at, Dim run) {
    for (Dim i = 0; i < run; ++i) {
      const double y = std::pow(real_at(a, at[0] + i * step[0]), real_at(b, at[1] + i * step[1]));
      if (out.type == ElementType::kFloat) {
        out.floats()[idx(o + i)] = static_cast<float>(y);
      } else if (out.type == ElementType::kDouble) {
        std::get<std::vector<double>>(out.data)[idx(o + i)] = y;
      } else {
        out.ints()[idx(o + i)] = std::abs(y) < 0x1p63 ? wrap(out.type, static_cast<Dim>(y)) : 0;
      }
    }
  });
}

void check_types(const Node& node, const Value& first, const Value& other) {
  require_number(other, "its inputs");
  require(node.op == Op::kPow || first.type == other.type, "its inputs have different types, {} and {}",
          type_name(first.type), type_name(other.type));
}

}  // namespace

Types infer_arithmetic(const Node& node, Values inputs) {
  const Value& first = need(inputs, 0);
  require_number(first, "its inputs");
  Shape shape = first.shape;
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    const Value& other = need(inputs, i);
    check_types(node, first, other);
    shape = broadcast(shape, operand_shape(node, shape, other.shape));
  }
  if (node.op == Op::kMean) {
    require_float(first, "its inputs");
  }
  if (node.op == Op::kBitShift) {
    const std::string direction = node.text("direction", "");
    require(direction == "LEFT" || direction == "RIGHT", "direction '{}' is not LEFT or RIGHT", direction);
    require(is_integer(first.type), "its inputs must be integers, not {}", type_name(first.type));
  }
  return {{first.type, shape}};
}

std::vector<Tensor> evaluate_arithmetic(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  if (node.op == Op::kPow && inputs[0]->type != inputs[1]->type) {
    power_of_mixed_types(*inputs[0], *inputs[1], out[0]);
    return out;
  }
  if ((node.op == Op::kMean || node.op == Op::kSum) && is_float(out[0].type)) {
    add_up(node, inputs, out[0]);
    return out;
  }
  if (inputs.size() == 1) {
    out[0].data = inputs[0]->data;
    return out;
  }
  apply(node, *inputs[0], *inputs[1], out[0]);
  for (std::size_t i = 2; i < inputs.size(); ++i) {  // Min, Max, Sum of more; out is its own first operand
    const Tensor so_far = out[0];
    apply(node, so_far, *inputs[i], out[0]);
  }
  return out;
}

}  // namespace mantissa::network::ops
