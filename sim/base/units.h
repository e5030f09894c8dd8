// SPDX-License-Identifier: Apache-2.0
// Units as types: a count of cycles and a count of bytes do not add. Construction is explicit, count() gives the number
// back, equal units add, subtract, compare and divide, and the few conversions between units are named functions.
#pragma once
#include <compare>
#include <cstdint>

namespace mantissa {

template <class Tag, class Rep = std::int64_t>
class Quantity {
 public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(Rep count) : count_(count) {}
  constexpr Rep count() const { return count_; }
  constexpr auto operator<=>(const Quantity&) const = default;
  constexpr Quantity& operator+=(Quantity o) {
    count_ += o.count_;
    return *this;
  }
  constexpr Quantity& operator-=(Quantity o) {
    count_ -= o.count_;
    return *this;
  }
  friend constexpr Quantity operator+(Quantity a, Quantity b) { return Quantity(a.count_ + b.count_); }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return Quantity(a.count_ - b.count_); }
  friend constexpr Quantity operator*(Quantity a, Rep n) { return Quantity(a.count_ * n); }
  friend constexpr Quantity operator*(Rep n, Quantity a) { return Quantity(n * a.count_); }
  friend constexpr double ratio(Quantity a, Quantity b) {
    return b.count_ == 0 ? 0.0 : static_cast<double>(a.count_) / static_cast<double>(b.count_);
  }

 private:
  Rep count_ = 0;
};

using Cycles = Quantity<struct CyclesTag>;
using Bytes = Quantity<struct BytesTag>;
using Macs = Quantity<struct MacsTag>;  // multiply-accumulates; 1 MAC = 2 operations everywhere
using Hertz = Quantity<struct HertzTag, double>;
using Seconds = Quantity<struct SecondsTag, double>;
using Joules = Quantity<struct JoulesTag, double>;
using Watts = Quantity<struct WattsTag, double>;
using BytesPerSecond = Quantity<struct BytesPerSecondTag, double>;

constexpr Seconds at(Cycles c, Hertz f) {
  return Seconds(static_cast<double>(c.count()) / f.count());
}
constexpr Watts average_power(Joules e, Seconds t) {
  return Watts(t.count() > 0 ? e.count() / t.count() : 0.0);
}
constexpr double macs_per_second(Macs m, Seconds t) {
  return t.count() > 0 ? static_cast<double>(m.count()) / t.count() : 0.0;
}
constexpr Seconds transfer_time(Bytes b, BytesPerSecond r) {
  return Seconds(static_cast<double>(b.count()) / r.count());
}

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}
constexpr std::int64_t round_up(std::int64_t a, std::int64_t b) {
  return ceil_div(a, b) * b;
}

}  // namespace mantissa
