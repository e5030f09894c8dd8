// SPDX-License-Identifier: Apache-2.0
#include "execute/matrix/matrix_product.h"

#include "base/error.h"
#include "network/ops/common.h"

namespace mantissa::execute {

using network::Shape;
using network::Tensor;

namespace {

constexpr std::int64_t kSumsBytes = 512 << 10;  // of one part: its sums stay in the second-level cache
constexpr std::int64_t kRowsAtLeast = 96;       // of a part: b is read once for each

std::size_t idx(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

Shape leading(const Shape& shape) {
  return {shape.begin(), shape.end() - 2};
}

// out = (or +=) sums x (scale of the row x scale of the column).
template <class Sum>
void scale_row(const Sum* sums, float row, const float* columns, std::int64_t n, bool add, float* out) {
  if (add) {
    for (std::int64_t j = 0; j < n; ++j) {
      out[j] += static_cast<float>(sums[j]) * (row * columns[j]);
    }
  } else {
    for (std::int64_t j = 0; j < n; ++j) {
      out[j] = static_cast<float>(sums[j]) * (row * columns[j]);
    }
  }
}

}  // namespace

MatrixProduct::MatrixProduct(ProductRules rules, const Shape& a, const Tensor* constant_a, const Shape& b,
                             const Tensor* constant_b)
    : rules_(std::move(rules)), a_(a), b_(b) {
  if (a_.size() == 1) {
    a_.insert(a_.begin(), 1);
  }
  if (b_.size() == 1) {
    b_.push_back(1);
  }
  check(!rules_.requantizer || (constant_b != nullptr && rules_.a.scheme), "requantized products have weights");
  m_ = a_[a_.size() - 2], k_ = a_.back(), n_ = b_.back();
  check(b_[b_.size() - 2] == k_, "rows of b are columns of a");
  matrices_a_ = network::element_count(leading(a_)), matrices_b_ = network::element_count(leading(b_));
  const auto find_group = [&](const Prepared& operand) { group_ = operand.group == 0 ? group_ : operand.group; };
  std::optional<Prepared> ready_a, ready_b;
  if (constant_a != nullptr && k_ > 0) {
    WeightRule rule = rules_.weights;
    rule.format = rules_.datapath.a;
    ready_a = prepare_weights(rules_.datapath, rule, {constant_a->type, {matrices_a_ * m_, k_}, constant_a->data});
    find_group(*ready_a);
  }
  if (constant_b != nullptr && k_ > 0) {
    Tensor channels{constant_b->type, {matrices_b_ * n_, k_}, transposed(constant_b->floats(), k_, n_)};
    ready_b = prepare_weights(rules_.datapath, rules_.weights, channels);
    find_group(*ready_b);
    ready_b->codes = transposed(std::span<const std::int8_t>(ready_b->codes), n_, k_);
    ready_b->buffer = transposed(std::span<const float>(ready_b->buffer), n_, k_);
    ready_b->values = ready_b->buffer;
  }
  if (ready_a) {
    constant_a_ = make_factor(std::move(*ready_a), matrices_a_ * m_);
    add_code_sums(*constant_a_, false);
  }
  if (ready_b) {
    constant_b_ = make_factor(std::move(*ready_b), matrices_b_ * n_);
    add_code_sums(*constant_b_, true);
  }
}

MatrixProduct::Factor MatrixProduct::make_factor(Prepared operand, std::int64_t vectors) const {
  Factor factor;
  factor.vectors = vectors;
  const std::int64_t own_groups = operand.group == 0 ? 1 : groups();
  const auto places = static_cast<std::int64_t>(operand.scales.size());
  const bool has_zeros = operand.has_zero_points();
  // [run of vectors][own group] -> [group][vector]
  for (std::int64_t g = 0; g < groups(); ++g) {
    for (std::int64_t v = 0; v < vectors; ++v) {
      const std::int64_t run = places == 1 ? 0 : v / (vectors / (places / own_groups));
      const std::int64_t place = run * (places == 1 ? 1 : own_groups) + (own_groups == 1 || places == 1 ? 0 : g);
      factor.scales.push_back(operand.scales[idx(place)]);
      if (has_zeros) {
        factor.zero_points.push_back(static_cast<std::uint32_t>(operand.zero_points[idx(place)]));
      }
    }
  }
  factor.operand = std::move(operand);
  return factor;
}

void MatrixProduct::add_code_sums(Factor& factor, bool is_b) const {
  if (!is_integer(rules_.datapath)) {
    return;
  }
  const auto code = [&](std::int64_t place) {
    return static_cast<std::uint32_t>(std::int32_t{factor.operand.codes[idx(place)]});
  };
  factor.code_sums.assign(idx(groups() * factor.vectors), 0);
  for (std::int64_t g = 0; g < groups(); ++g) {
    std::uint32_t* sums = factor.code_sums.data() + g * factor.vectors;
    const std::int64_t first = g * group_, size = group_size(g);
    if (!is_b) {
      for (std::int64_t v = 0; v < factor.vectors; ++v) {
        for (std::int64_t i = first; i < first + size; ++i) {
          sums[v] += code(v * k_ + i);
        }
      }
      continue;
    }
    for (std::int64_t matrix = 0; matrix < matrices_b_; ++matrix) {
      for (std::int64_t i = first; i < first + size; ++i) {
        for (std::int64_t column = 0; column < n_; ++column) {
          sums[matrix * n_ + column] += code((matrix * k_ + i) * n_ + column);
        }
      }
    }
  }
}

void MatrixProduct::run(std::span<const float> a, std::span<const float> b, float alpha, std::span<float> out) const {
  if (out.empty() || k_ == 0) {
    std::fill(out.begin(), out.end(), 0.0F);
    return;
  }
  std::optional<Factor> computed_a, computed_b;
  if (!constant_a_) {
    computed_a = make_factor(prepare(rules_.datapath, rules_.a, a_, a, -1), matrices_a_ * m_);
  }
  if (!constant_b_) {
    computed_b = make_factor(prepare(rules_.datapath, rules_.b, b_, b, -2), matrices_b_ * n_);
  }
  const Factor &factor_a = constant_a_ ? *constant_a_ : *computed_a,
               &factor_b = constant_b_ ? *constant_b_ : *computed_b;
  if (computed_a && !factor_b.zero_points.empty()) {
    add_code_sums(*computed_a, false);
  }
  if (computed_b && !factor_a.zero_points.empty()) {
    add_code_sums(*computed_b, true);
  }
  if (matrices_b_ == 1) {  // one product of all rows
    multiply(factor_a, factor_b, {0, matrices_a_ * m_, 0, 0, out.data()}, alpha);
    return;
  }
  const Shape batch_a = leading(a_), batch_b = leading(b_), batch = network::ops::broadcast(batch_a, batch_b);
  network::ops::Walk walk(
      batch, {network::ops::broadcast_strides(batch_a, batch), network::ops::broadcast_strides(batch_b, batch)});
  const auto step = walk.inner_strides();
  walk.run([&](std::int64_t o, std::span<const std::int64_t> at, std::int64_t run) {
    for (std::int64_t i = 0; i < run; ++i) {
      const std::int64_t matrix_a = at[0] + i * step[0], matrix_b = at[1] + i * step[1];
      multiply(factor_a, factor_b, {matrix_a * m_, m_, matrix_b, matrix_b * n_, out.data() + (o + i) * m_ * n_}, alpha);
    }
  });
}

// Part by part, so that sums that are not results yet stay near.
void MatrixProduct::multiply(const Factor& a, const Factor& b, const Part& whole, float alpha) const {
  const std::int64_t most = std::max(kRowsAtLeast, kSumsBytes / (4 * n_) / 48 * 48);
  std::vector<std::int32_t> codes;
  std::vector<float> floats;
  for (std::int64_t done = 0; done < whole.rows; done += most) {
    Part part = whole;
    part.row += done, part.out += done * n_;
    part.rows = std::min(most, whole.rows - done);
    is_integer(rules_.datapath) ? multiply_codes(a, b, part, codes) : multiply_floats(a, b, part, floats);
    if (alpha != 1.0F) {
      std::for_each(part.out, part.out + part.rows * n_, [&](float& y) { y *= alpha; });
    }
  }
}

void MatrixProduct::multiply_floats(const Factor& a, const Factor& b, const Part& part,
                                    std::vector<float>& sums) const {
  sums.resize(groups() == 1 ? 0 : idx(part.rows * n_));
  float* to = groups() == 1 ? part.out : sums.data();
  for (std::int64_t g = 0; g < groups(); ++g) {
    const std::int64_t first = g * group_;
    numerics::gemm(rules_.datapath, part.rows, n_, group_size(g), a.operand.values.data() + part.row * k_ + first, k_,
                   b.operand.values.data() + (part.matrix_b * k_ + first) * n_, n_, to, n_);
    for (std::int64_t i = 0; i < part.rows; ++i) {
      scale_row(to + i * n_, a.scales[idx(g * a.vectors + part.row + i)], b.scales.data() + g * b.vectors + part.column,
                n_, g > 0, part.out + i * n_);
    }
  }
}

// With codes qa, qb and zero points za, zb: sum (qa - za)(qb - zb) = sum qa qb - za sum qb - zb sum qa + k za zb, where
// only sum qa qb goes through the datapath; the rest is in 32 bits, wrapping.
void MatrixProduct::multiply_codes(const Factor& a, const Factor& b, const Part& part,
                                   std::vector<std::int32_t>& sums) const {
  sums.resize(idx(part.rows * n_));
  for (std::int64_t g = 0; g < groups(); ++g) {
    const std::int64_t first = g * group_, size = group_size(g);
    numerics::gemm(rules_.datapath, part.rows, n_, size, a.operand.codes.data() + part.row * k_ + first, k_,
                   b.operand.codes.data() + (part.matrix_b * k_ + first) * n_, n_, sums.data(), n_);
    for (std::int64_t i = 0; i < part.rows; ++i) {
      std::int32_t* row = sums.data() + i * n_;
      const std::size_t place_a = idx(g * a.vectors + part.row + i), place_b = idx(g * b.vectors + part.column);
      if (!a.zero_points.empty() || !b.zero_points.empty()) {
        const std::uint32_t zero_a = a.zero_points.empty() ? 0 : a.zero_points[place_a];
        const std::uint32_t sum_a = b.zero_points.empty() ? 0 : a.code_sums[place_a];
        for (std::size_t j = 0; j < idx(n_); ++j) {
          const std::uint32_t zero_b = b.zero_points.empty() ? 0 : b.zero_points[place_b + j];
          const std::uint32_t sum_b = a.zero_points.empty() ? 0 : b.code_sums[place_b + j];
          row[j] = static_cast<std::int32_t>(static_cast<std::uint32_t>(row[j]) - zero_a * sum_b - zero_b * sum_a +
                                             static_cast<std::uint32_t>(size) * zero_a * zero_b);
        }
      }
      if (!rules_.requantizer) {
        scale_row(row, a.scales[place_a], b.scales.data() + place_b, n_, g > 0, part.out + i * n_);
      }
    }
  }
  if (rules_.requantizer) {
    requantize(a, b, part, sums);
  }
}

void MatrixProduct::requantize(const Factor& a, const Factor& b, const Part& part,
                               std::span<const std::int32_t> sums) const {
  std::vector<std::int32_t> column(idx(part.rows));
  std::vector<float> values(idx(part.rows));
  for (std::int64_t j = 0; j < n_; ++j) {
    for (std::int64_t i = 0; i < part.rows; ++i) {
      column[idx(i)] = sums[idx(i * n_ + j)];
    }
    const double scale = static_cast<double>(a.scales[0]) * static_cast<double>(b.scales[idx(part.column + j)]);
    rules_.requantizer->apply(column, scale, idx(j), values);
    for (std::int64_t i = 0; i < part.rows; ++i) {
      part.out[i * n_ + j] = values[idx(i)];
    }
  }
}

}  // namespace mantissa::execute
