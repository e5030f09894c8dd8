// SPDX-License-Identifier: Apache-2.0
#include "execute/matrix/batched_product.h"

#include "base/error.h"
#include "network/ops/common.h"

namespace mantissa::execute {

using network::Shape;
using network::Tensor;

namespace {

std::size_t idx(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

struct Extent {
  std::int64_t m, n, k;
};

// With codes qa, qb and zero points za, zb: sum (qa - za)(qb - zb) = sum qa qb - za sum qb - zb sum qa + k za zb,
// wrapping.
class IntegerProduct {
 public:
  IntegerProduct(const Extent& extent, std::int32_t zero_a, std::int32_t zero_b)
      : extent_(extent),
        zero_a_(static_cast<std::uint32_t>(zero_a)),
        zero_b_(static_cast<std::uint32_t>(zero_b)),
        sums_(idx(extent.m * extent.n)) {}

  const std::vector<std::int32_t>& operator()(const std::int8_t* a, const std::int8_t* b) {
    const auto [m, n, k] = extent_;
    numerics::gemm(m, n, k, a, k, b, n, sums_.data(), n);
    if (zero_a_ == 0 && zero_b_ == 0) {
      return sums_;
    }
    std::vector<std::uint32_t> sum_b(idx(n), 0);
    for (std::int64_t i = 0; i < k * n; ++i) {
      sum_b[idx(i % n)] += static_cast<std::uint32_t>(std::int32_t{b[i]});
    }
    for (std::int64_t row = 0; row < m; ++row) {
      std::uint32_t sum_a = 0;
      for (std::int64_t i = 0; i < k; ++i) {
        sum_a += static_cast<std::uint32_t>(std::int32_t{a[row * k + i]});
      }
      for (std::int64_t column = 0; column < n; ++column) {
        std::int32_t& sum = sums_[idx(row * n + column)];
        sum = static_cast<std::int32_t>(static_cast<std::uint32_t>(sum) - zero_a_ * sum_b[idx(column)] -
                                        zero_b_ * sum_a + static_cast<std::uint32_t>(k) * zero_a_ * zero_b_);
      }
    }
    return sums_;
  }

 private:
  Extent extent_;
  std::uint32_t zero_a_, zero_b_;
  std::vector<std::int32_t> sums_;
};

}  // namespace

void BatchedProduct::run(const Tensor& a, const Tensor& b, float alpha, Tensor& out) const {
  Shape shape_a = a.shape, shape_b = b.shape;
  if (shape_a.size() == 1) {
    shape_a.insert(shape_a.begin(), 1);
  }
  if (shape_b.size() == 1) {
    shape_b.push_back(1);
  }
  const Extent extent{shape_a[shape_a.size() - 2], shape_b.back(), shape_a.back()};
  const std::int64_t m = extent.m, n = extent.n, k = extent.k;
  const Shape batch_a(shape_a.begin(), shape_a.end() - 2), batch_b(shape_b.begin(), shape_b.end() - 2);
  const Shape batch = network::ops::broadcast(batch_a, batch_b);
  const float scale = arithmetic_.data.scale() * arithmetic_.weights.scale();
  network::ops::Walk walk(
      batch, {network::ops::broadcast_strides(batch_a, batch), network::ops::broadcast_strides(batch_b, batch)});
  const auto step = walk.inner_strides();
  const auto y = out.floats();
  // multiply(place, matrix of a, matrix of b) for each product of the batch.
  const auto for_each_product = [&](auto&& multiply) {
    walk.run([&](std::int64_t o, std::span<const std::int64_t> at, std::int64_t run) {
      for (std::int64_t i = 0; i < run; ++i) {
        multiply((o + i) * m * n, (at[0] + i * step[0]) * m * k, (at[1] + i * step[1]) * k * n);
      }
    });
  };
  if (y.empty() || k == 0) {
    return;
  }
  if (arithmetic_.integer()) {
    const auto codes_a = prepare_codes(arithmetic_.data, a), codes_b = prepare_codes(arithmetic_.weights, b);
    IntegerProduct product(extent, arithmetic_.data.zero_point(), arithmetic_.weights.zero_point());
    for_each_product([&](std::int64_t place, std::int64_t from_a, std::int64_t from_b) {
      const auto& sums = product(codes_a.data() + from_a, codes_b.data() + from_b);
      for (std::size_t i = 0; i < sums.size(); ++i) {
        y[idx(place) + i] = static_cast<float>(sums[i]) * scale * alpha;
      }
    });
    return;
  }
  const auto values_a = prepare(arithmetic_, arithmetic_.data, a),
             values_b = prepare(arithmetic_, arithmetic_.weights, b);
  for_each_product([&](std::int64_t place, std::int64_t from_a, std::int64_t from_b) {
    numerics::gemm(arithmetic_.datapath, m, n, k, values_a.data() + from_a, k, values_b.data() + from_b, n,
                   y.data() + place, n);
  });
  for (float& v : y) {
    v = v * scale * alpha;
  }
}

}  // namespace mantissa::execute
