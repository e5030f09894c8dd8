// SPDX-License-Identifier: Apache-2.0
#include "report/roofline_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <vector>

#include "base/error.h"
#include "report/plot_axis.h"
#include "report/text_table.h"

namespace mantissa::report {
namespace {

using nlohmann::json;

constexpr double kOperationsPerMac = 2;
constexpr std::size_t kMaxLabels = 8;
constexpr double kMaxBubble = 6.5;  // of a kernel that takes all the time, relative to a normal point

// Reads values of one JSON object and says which is missing or of the wrong type.
class Reader {
 public:
  Reader(const json& object, std::string where, const std::string& file)
      : object_(object), where_(std::move(where)), file_(file) {
    if (!object.is_object()) {
      fail("", "is no object");
    }
  }
  const json& at(const char* key) const {
    const auto found = object_.find(key);
    if (found == object_.end()) {
      fail(key, "is missing; write the file with this version's `mantissa run ... --json FILE`");
    }
    return *found;
  }
  double number(const char* key) const {
    const json& value = at(key);
    if (!value.is_number() || !std::isfinite(value.get<double>()) || value.get<double>() < 0) {
      fail(key, "must be a number that is not negative");
    }
    return value.get<double>();
  }
  double positive(const char* key) const {
    const double value = number(key);
    if (value <= 0) {
      fail(key, "must be above zero");
    }
    return value;
  }
  std::string text(const char* key) const {
    const json& value = at(key);
    if (!value.is_string()) {
      fail(key, "must be a text");
    }
    return value.get<std::string>();
  }
  const json& list(const char* key) const {
    const json& value = at(key);
    if (!value.is_array() || value.empty()) {
      fail(key, "must be a list with at least one entry");
    }
    return value;
  }
  Reader entry(const char* key, std::size_t i) const {
    return {list(key).at(i), fmt::format("{}{}[{}].", where_, key, i), file_};
  }
  Reader inside(const char* key) const { return {at(key), where_ + key + ".", file_}; }

 private:
  [[noreturn]] void fail(const std::string& key, const std::string& what) const {
    std::string path = where_ + key;
    if (path.ends_with(".")) {
      path.pop_back();
    }
    throw ConfigError(SourcePos{file_, 0, 0},
                      fmt::format("{} {}", path.empty() ? "the document" : "'" + path + "'", what));
  }
  const json& object_;
  std::string where_;
  const std::string& file_;
};

json parse(const std::string& text, const std::string& file) {
  try {
    return json::parse(text);
  } catch (const json::parse_error& e) {
    const auto place = std::min(e.byte, text.size());
    const std::string before = text.substr(0, place > 0 ? place - 1 : 0);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const auto column = before.size() - (before.rfind('\n') == std::string::npos ? 0 : before.rfind('\n') + 1) + 1;
    throw ConfigError(SourcePos{file, static_cast<int>(line), static_cast<int>(column)},
                      "this is no JSON; a roofline needs the file of `mantissa run ... --json FILE`");
  }
}

// Kernels that do the same in the same time.
struct Kernel {
  std::string name, bound_by;
  double macs = 0, bytes = 0, time = 0;  // of one repetition
  double count = 0;
  double whole() const { return time * count; }
};

std::vector<Kernel> read_kernels(const Reader& run) {
  std::map<std::tuple<std::string, std::string, std::string, double, double>, std::size_t> known;
  std::vector<Kernel> kernels;
  const json& list = run.list("kernels");
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Reader reader = run.entry("kernels", i);
    const Reader counters = reader.inside("counters");
    Kernel kernel{
        reader.text("name"),           reader.text("bound_by"),
        counters.number("macs_count"), counters.number("dram_read_bytes") + counters.number("dram_write_bytes"),
        reader.positive("time_s"),     reader.positive("repeat_count")};
    const auto [at, added] = known.try_emplace(
        {reader.text("kind"), reader.text("shape"), kernel.bound_by, kernel.macs, kernel.bytes}, kernels.size());
    if (added) {
      kernels.push_back(kernel);
    } else {
      Kernel& same = kernels[at->second];
      const double time = (same.whole() + kernel.whole()) / (same.count + kernel.count);
      same.count += kernel.count, same.time = time;
    }
  }
  std::stable_sort(kernels.begin(), kernels.end(),
                   [](const Kernel& a, const Kernel& b) { return a.whole() > b.whole(); });
  return kernels;
}

// What bounds a kernel always has the same colour and shape.
constexpr std::array<const char*, 8> kBounds = {"matrix",  "dram",     "vector",    "shared",
                                                "staging", "dispatch", "imbalance", "other"};
std::size_t bound_index(const std::string& bound) {
  return static_cast<std::size_t>(std::find(kBounds.begin(), kBounds.end() - 1, bound) - kBounds.begin());
}

struct Roofs {
  double peak = 0, bandwidth = 0;  // operations and bytes per second
  double ridge() const { return peak / bandwidth; }
  double at(double intensity) const { return std::min(peak, intensity * bandwidth); }
};

void add_roofs(Plot& plot, const Roofs& roofs, double scale) {
  const double left = *plot.x.low, right = *plot.x.high;
  PlotSeries roof;
  roof.style = PlotSeries::Style::kLine;
  roof.colour = "#333333";
  const double ridge = std::clamp(roofs.ridge(), left, right);
  roof.points = {{left, roofs.at(left) * scale}, {ridge, roofs.at(ridge) * scale}, {right, roofs.at(right) * scale}};
  plot.series.push_back(roof);
  // The text on the slope starts where the slope enters the plot.
  const double bottom = std::max(left, *plot.y.low / scale / roofs.bandwidth);
  if (ridge > bottom * 3) {
    const double from = bottom * std::pow(ridge / bottom, 0.3);
    plot.line_labels.push_back({from, roofs.at(from) * scale, ridge, roofs.at(ridge) * scale,
                                fmt::format("DRAM {} GB/s", significant(roofs.bandwidth / 1e9, 4))});
  }
  if (ridge < right) {
    const double from = ridge * std::pow(right / ridge, 0.12);
    plot.line_labels.push_back({from, roofs.peak * scale, right, roofs.peak * scale,
                                fmt::format("peak {} TOPS", significant(roofs.peak / 1e12, 4))});
  }
}

void add_kernels(Plot& plot, const std::vector<Kernel>& kernels, double all, double scale) {
  std::vector<PlotSeries> series(kBounds.size());
  std::vector<double> shares(kBounds.size());
  for (const Kernel& kernel : kernels) {
    const std::size_t bound = bound_index(kernel.bound_by);
    shares[bound] += kernel.whole() / all;
    if (kernel.macs > 0) {
      const double x = kernel.bytes > 0 ? kOperationsPerMac * kernel.macs / kernel.bytes : *plot.x.high;
      const double y = kOperationsPerMac * kernel.macs / kernel.time * scale;
      const double size = std::max(0.7, kMaxBubble * std::sqrt(kernel.whole() / all));
      series[bound].points.push_back({std::min(x, *plot.x.high), y, 0, 0, size});
      if (plot.labels.size() < kMaxLabels) {
        const std::string times = kernel.count > 1 ? fmt::format(" x{:.0f}", kernel.count) : "";
        plot.labels.push_back(
            {x, y, fmt::format("{}{}  {} %", shorten_middle(kernel.name, 26), times, percent(kernel.whole() / all, 0)),
             size});
      }
    }
  }
  for (std::size_t i = 0; i < series.size(); ++i) {
    if (!series[i].points.empty()) {
      series[i].name = fmt::format("{}, {} %", kBounds[i], percent(shares[i], 0));
      series[i].bubbles = true;
      series[i].colour = plot_colour(i);
      series[i].shape = 0;
      plot.series.push_back(series[i]);
    }
  }
}

// The end of an axis: a power of ten times 1, 2 or 5 beyond the value.
double beyond(double value, bool up) {
  const double power = std::pow(10.0, std::floor(std::log10(value)));
  if (up) {
    return value <= power ? power : value <= 2 * power ? 2 * power : value <= 5 * power ? 5 * power : 10 * power;
  }
  return value >= 5 * power ? 5 * power : value >= 2 * power ? 2 * power : power;
}

Plot plot_of(const Reader& run) {
  const std::vector<Kernel> kernels = read_kernels(run);
  const Roofs roofs{kOperationsPerMac * run.positive("peak_macs_per_s"), run.positive("dram_peak_bytes_per_s")};
  double all = 0, without = 0, inside = 0, low_x = roofs.ridge() / 3, high_x = roofs.ridge() * 8,
         low_y = roofs.peak / 30;
  for (const Kernel& kernel : kernels) {
    all += kernel.whole();
    without += kernel.macs > 0 ? 0 : kernel.whole();
    inside += kernel.macs > 0 && kernel.bytes <= 0 ? kernel.whole() : 0;
    if (kernel.macs > 0) {
      low_y = std::min(low_y, kOperationsPerMac * kernel.macs / kernel.time);
      const double intensity = kernel.bytes > 0 ? kOperationsPerMac * kernel.macs / kernel.bytes : roofs.ridge();
      low_x = std::min(low_x, intensity), high_x = std::max(high_x, intensity);
    }
  }
  constexpr double kTera = 1e-12;
  Plot plot;
  plot.title = fmt::format("{} on {}, {}, batch {:.0f}", run.text("workload"), run.text("chip_title"),
                           run.text("precision"), run.positive("batch_count"));
  const double latency = run.positive("latency_s"), bound = run.number("roofline_s");
  const Scale time = time_scale(std::span(&latency, 1));
  plot.subtitle = fmt::format("{} {} a batch at {} MHz, {} inputs/s; the roofline bound is {} % of the time",
                              significant(latency * time.factor, 3), time.unit, with_commas(run.positive("clock_mhz")),
                              significant(run.number("inputs_per_s"), 4), percent(bound / latency, 0));
  plot.note = fmt::format("Area: share of the time. Not shown: kernels without multiply-accumulates, {} % of the time.",
                          percent(without / all, 1));
  if (inside > 0) {
    plot.note += fmt::format(" At the right edge: without DRAM traffic, {} %.", percent(inside / all, 1));
  }
  plot.x = {"operations per byte of DRAM traffic (1 MAC = 2 operations)",
            true,
            beyond(low_x / 1.5, false),
            beyond(high_x * 1.2, true),
            {}};
  plot.y = {"operations per second, T/s",
            true,
            beyond(low_y * kTera / 1.5, false),
            beyond(roofs.peak * kTera * 1.4, true),
            {}};
  plot.legend = "bound by, share of time";
  add_roofs(plot, roofs, kTera);
  add_kernels(plot, kernels, all, kTera);
  return plot;
}

}  // namespace

Plot roofline_plot(const std::string& text, const std::string& file, std::optional<std::int64_t> which) {
  const json document = parse(text, file);
  const Reader reader(document, "", file);
  const json& results = reader.list("results");
  const auto count = static_cast<std::int64_t>(results.size());
  if (!which && count > 1) {
    throw UsageError(fmt::format("{} holds {} results; pick one with --result N", file, count));
  }
  if (which.value_or(1) > count) {
    throw UsageError(fmt::format("--result {}: {} holds {} result{}", *which, file, count, count == 1 ? "" : "s"));
  }
  const auto index = static_cast<std::size_t>(which.value_or(1) - 1);
  return plot_of(reader.entry("results", index));
}

}  // namespace mantissa::report
