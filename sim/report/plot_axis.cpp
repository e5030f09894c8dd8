// SPDX-License-Identifier: Apache-2.0
#include "report/plot_axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/text_table.h"

namespace mantissa::report {
namespace {

constexpr double kMargin = 0.06;  // of the axis, beyond the data on either side

std::vector<double> distinct(std::span<const double> values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  return sorted;
}

double forward(const PlotAxis& axis, double value) {
  return axis.log ? std::log10(value) : value;
}
double back(const PlotAxis& axis, double place) {
  return axis.log ? std::pow(10.0, place) : place;
}

// 1, 2 or 5 times a power of ten, for about `count` steps over the span.
double nice_step(double span, int count) {
  const double raw = span / count, power = std::pow(10.0, std::floor(std::log10(raw)));
  const double leading = raw / power;
  return power * (leading <= 1 ? 1 : leading <= 2 ? 2 : leading <= 5 ? 5 : 10);
}

std::vector<double> linear_ticks(double low, double high) {
  std::vector<double> ticks;
  const double step = nice_step(high - low, 7);
  for (double i = std::ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; ++i) {
    ticks.push_back(i * step);
  }
  return ticks;
}

std::vector<double> log_ticks(double low, double high) {
  const double decades = std::log10(high / low);
  const auto with = [&](std::span<const double> leading) {
    std::vector<double> ticks;
    for (double power = std::floor(std::log10(low)); power <= std::log10(high); ++power) {
      for (const double digit : leading) {
        const double tick = digit * std::pow(10.0, power);
        if (tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9)) {
          ticks.push_back(tick);
        }
      }
    }
    return ticks;
  };
  constexpr double kFew[] = {1}, kMore[] = {1, 2, 5};
  const std::vector<double> ticks = decades > 3 ? with(kFew) : with(kMore);
  if (ticks.size() < 3) {
    return linear_ticks(low, high);
  }
  const std::size_t stride = (ticks.size() + 11) / 12;
  std::vector<double> some;
  for (std::size_t i = 0; i < ticks.size(); i += stride) {
    some.push_back(ticks[i]);
  }
  return some;
}

}  // namespace

std::string tick_text(double value) {
  const double size = std::abs(value);
  if (size >= 1000 && size < 1e9 && std::abs(value - std::round(value)) < 1e-6 * size) {
    return with_commas(value);
  }
  return size < 1e-12 ? "0" : fmt::format("{:.6g}", value);
}

double place_on(const PlotAxis& axis, double value) {
  const double low = forward(axis, *axis.low), high = forward(axis, *axis.high);
  return (forward(axis, value) - low) / (high - low);
}

PlotAxis laid_out(PlotAxis axis, std::span<const double> values) {
  const std::vector<double> sorted = distinct(values);
  double low = axis.low ? forward(axis, *axis.low) : sorted.empty() ? 0 : forward(axis, sorted.front());
  double high = axis.high ? forward(axis, *axis.high) : sorted.empty() ? 1 : forward(axis, sorted.back());
  if (!(high - low > 1e-9 * std::max(std::abs(high), std::abs(low)))) {
    const double beside = axis.log ? 0.3 : std::max(0.5 * std::abs(high), 0.5);
    low -= beside, high += beside;
  }
  const double margin = kMargin * (high - low);
  // An axis of counts starts at zero where that costs little.
  const bool from_zero = !axis.log && low >= 0 && low < 0.4 * high;
  axis.low = axis.low ? axis.low : from_zero ? 0 : back(axis, low - margin);
  axis.high = axis.high ? axis.high : back(axis, high + margin);
  if (axis.ticks.empty()) {
    const auto ticks = axis.log ? log_ticks(*axis.low, *axis.high) : linear_ticks(*axis.low, *axis.high);
    for (const double tick : ticks) {
      axis.ticks.emplace_back(tick, tick_text(tick));
    }
  }
  return axis;
}

bool is_geometric(std::vector<double> values) {
  values = distinct(values);
  if (values.size() < 3 || values.front() <= 0) {
    return false;
  }
  if (values.back() / values.front() > 50) {
    return true;
  }
  struct Spread {
    double least = 1e300, most = 0;
    void add(double value) { least = std::min(least, value), most = std::max(most, value); }
  } factors, steps;
  for (std::size_t i = 1; i < values.size(); ++i) {
    factors.add(values[i] / values[i - 1]);
    steps.add(values[i] - values[i - 1]);
  }
  return values.back() >= 4 * values.front() && factors.least >= 1.3 && factors.most < 1.5 * factors.least &&
         factors.most / factors.least < steps.most / steps.least;
}

ScaledTitle scaled_title(const std::string& title, std::span<const double> values) {
  const auto scaled_by = [&](const std::string& unit, const Scale& scale, const std::string& rest) {
    return ScaledTitle{title.substr(0, title.size() - unit.size() - rest.size()) + scale.unit + rest, scale.factor};
  };
  if (title.ends_with(", s")) {
    return scaled_by("s", time_scale(values), "");
  }
  if (title.ends_with(", J/input")) {
    return scaled_by("J", energy_scale(values), "/input");
  }
  if (title.ends_with(", W")) {
    return scaled_by("W", power_scale(values), "");
  }
  if (title.ends_with(", ratio")) {
    return scaled_by("ratio", {100, "%"}, "");
  }
  return {title, 1};
}

}  // namespace mantissa::report
