// SPDX-License-Identifier: Apache-2.0
// Which chips a slice has, and which of its axes each group of chips gets.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "hardware/torus.h"

namespace mantissa::hardware {

std::vector<int> slice_shape(int chips) {
  std::vector<int> shape(3, chips % 64 == 0 ? 4 : 1);
  int left = chips % 64 == 0 ? chips / 64 : chips;
  std::vector<int> primes;
  for (int p = 2; left > 1; ++p) {
    for (; left % p == 0; left /= p) {
      primes.push_back(p);
    }
  }
  for (auto prime = primes.rbegin(); prime != primes.rend(); ++prime) {
    *std::min_element(shape.begin(), shape.end()) *= *prime;
  }
  std::sort(shape.begin(), shape.end());
  return shape;
}

std::vector<std::vector<TorusAxis>> divide_slice(const config::Interconnect& net, int chips,
                                                 const std::vector<int>& sizes) {
  const std::vector<int> shape = slice_shape(chips);
  std::vector<int> used(shape.size(), 1);  // chips of each axis that inner groups have taken
  std::vector<std::vector<TorusAxis>> groups;
  for (const int size : sizes) {
    std::vector<TorusAxis> axes;
    int left = size;
    for (std::size_t i = 0; i < shape.size() && left > 1; ++i) {
      const int take = std::gcd(shape[i] / used[i], left);
      if (take > 1) {
        axes.push_back({take, used[i], take == shape[i] && shape[i] % net.wrap_multiple == 0});
        used[i] *= take, left /= take;
      }
    }
    if (left > 1) {
      throw ModelError("interconnect", fmt::format("a group of {} chips does not fit the torus of {}x{}x{} chips; use "
                                                   "divisors of its axes",
                                                   size, shape[0], shape[1], shape[2]));
    }
    groups.push_back(std::move(axes));
  }
  return groups;
}

}  // namespace mantissa::hardware
