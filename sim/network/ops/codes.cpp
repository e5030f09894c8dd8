// SPDX-License-Identifier: Apache-2.0
#include "network/ops/codes.h"

#include <algorithm>
#include <cmath>

#include "numerics/datapath.h"

namespace mantissa::network::ops {

namespace {

void check_count(const Value& value, const char* what, Granularity granularity) {
  const Dim count = checked_count(value.shape);
  if (count == 1) {
    return;
  }
  require(granularity.along > 0 && value.shape.size() == 1, "its {} must be one number, not of shape {}", what,
          to_string(value.shape));
  require(count == granularity.along, "its {} holds {} numbers, expected 1 or {} (one for each of the {})", what, count,
          granularity.along, granularity.what);
}

using Sums = std::vector<std::uint32_t>;

bool any(std::span<const std::int32_t> zero_points) {
  return std::ranges::any_of(zero_points, [](std::int32_t z) { return z != 0; });
}

std::uint32_t at(std::span<const std::int32_t> values, Dim i) {
  return static_cast<std::uint32_t>(values[values.size() == 1 ? 0 : idx(i)]);
}

Sums row_sums(Dim m, Dim k, const std::int8_t* a) {
  Sums sums(idx(m), 0);
  for (Dim row = 0; row < m; ++row) {
    std::int64_t sum = 0;
    for (Dim i = 0; i < k; ++i) {
      sum += a[row * k + i];
    }
    sums[idx(row)] = static_cast<std::uint32_t>(sum);
  }
  return sums;
}

Sums column_sums(Dim n, Dim k, const std::int8_t* b) {
  Sums sums(idx(n), 0);
  for (Dim i = 0; i < k; ++i) {
    for (Dim column = 0; column < n; ++column) {
      sums[idx(column)] += static_cast<std::uint32_t>(std::int32_t{b[i * n + column]});
    }
  }
  return sums;
}

}  // namespace

bool is_byte(ElementType type) {
  return type == ElementType::kInt8 || type == ElementType::kUint8;
}

void require_bytes(const Value& value, const char* what) {
  require(is_byte(value.type), "{} must be int8 or uint8, not {}", what, type_name(value.type));
}

void require_scales(const Value& scale, const char* what) {
  require(scale.type == ElementType::kFloat, "its {} must be float, not {}", what, type_name(scale.type));
  if (scale.constant != nullptr) {
    for (const float s : scale.constant->floats()) {
      require(std::isfinite(s) && s > 0.0F, "its {} holds {}, which is no scale: scales are finite and greater than 0",
              what, s);
    }
  }
}

void check_scale(Values inputs, std::size_t i, const char* what, Granularity granularity) {
  require_scales(need(inputs, i), what);
  check_count(*inputs[i], what, granularity);
}

void check_zero_point(Values inputs, std::size_t i, ElementType type, const char* what, Granularity granularity) {
  if (!has(inputs, i)) {
    return;
  }
  require(inputs[i]->type == type, "its {} is {}, but what it belongs to is {}", what, type_name(inputs[i]->type),
          type_name(type));
  check_count(*inputs[i], what, granularity);
}

PerChannel<float> scales_of(Tensors inputs, std::size_t i) {
  const auto values = need(inputs, i).floats();
  return {{values.begin(), values.end()}};
}

PerChannel<Dim> zero_points_of(Tensors inputs, std::size_t i) {
  if (!has(inputs, i)) {
    return {{0}};
  }
  PerChannel<Dim> result{{inputs[i]->ints().begin(), inputs[i]->ints().end()}};
  for (Dim& zero : result.values) {
    zero = wrap(inputs[i]->type, zero);
  }
  return result;
}

std::vector<std::int8_t> signed_codes(const Tensor& tensor) {
  const Dim offset = signed_offset(tensor.type);
  std::vector<std::int8_t> codes(tensor.ints().size());
  std::ranges::transform(tensor.ints(), codes.begin(), [&](Dim q) {
    return static_cast<std::int8_t>(static_cast<std::uint64_t>(q) - static_cast<std::uint64_t>(offset));
  });
  return codes;
}

std::vector<std::int32_t> signed_zero_points(const PerChannel<Dim>& zero_points, ElementType type) {
  const Dim offset = signed_offset(type);
  std::vector<std::int32_t> result;
  for (const Dim z : zero_points.values) {
    result.push_back(static_cast<std::int32_t>(z - offset));
  }
  return result;
}

// sum (qa - za)(qb - zb) = sum qa qb - za sum qb - zb sum qa + k za zb.
void multiply_codes(Dim m, Dim n, Dim k, const std::int8_t* a, std::span<const std::int32_t> zero_a,
                    const std::int8_t* b, std::span<const std::int32_t> zero_b, std::int32_t* c) {
  if (m == 0 || n == 0) {
    return;
  }
  if (k == 0) {
    std::fill_n(c, m * n, 0);
    return;
  }
  numerics::gemm(m, n, k, a, k, b, n, c, n);
  const bool any_a = any(zero_a), any_b = any(zero_b);
  if (!any_a && !any_b) {
    return;
  }
  const Sums sum_a = any_b ? row_sums(m, k, a) : Sums(idx(m), 0),
             sum_b = any_a ? column_sums(n, k, b) : Sums(idx(n), 0);
  const auto length = static_cast<std::uint32_t>(k);
  for (Dim row = 0; row < m; ++row) {
    const std::uint32_t za = at(zero_a, row), sum = sum_a[idx(row)];
    for (Dim column = 0; column < n; ++column) {
      const std::uint32_t zb = at(zero_b, column);
      std::int32_t& result = c[row * n + column];
      result = static_cast<std::int32_t>(static_cast<std::uint32_t>(result) - za * sum_b[idx(column)] - zb * sum +
                                         length * za * zb);
    }
  }
}

float requantization_scale(float a_scale, float b_scale, float y_scale) {
  const float scale = a_scale * b_scale / y_scale;
  require(std::isfinite(scale) && scale > 0.0F, "its scales {} * {} / {} give the factor {}, which FP32 does not hold",
          a_scale, b_scale, y_scale, scale);
  return scale;
}

}  // namespace mantissa::network::ops
