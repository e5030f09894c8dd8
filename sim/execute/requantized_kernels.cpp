// SPDX-License-Identifier: Apache-2.0
#include "execute/requantized_kernels.h"

#include <algorithm>
#include <cmath>

#include "network/op.h"

namespace mantissa::execute {

using network::Graph;
using network::Kernel;
using network::Node;
using network::Op;
using network::Storage;
using network::Tensor;
using network::ValueId;

namespace {

std::size_t idx(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

const Tensor* constant_at(const Graph& graph, const Node& node, std::size_t i) {
  return i < node.inputs.size() && node.inputs[i] >= 0 ? graph.value(node.inputs[i]).constant.get() : nullptr;
}

// int8 codes with one scale that is known before, of values that nothing happens to first.
const quantize::Scheme* plain_codes(const OperandRule& rule) {
  const bool plain = rule.scheme && !rule.dynamic && !rule.stored && !rule.divisors;
  return plain && rule.format.integer && rule.format.bits() <= 8 ? &*rule.scheme : nullptr;
}

bool same(const quantize::Scheme& a, const quantize::Scheme& b) {
  return a.format == b.format && a.symmetric == b.symmetric && a.scales == b.scales && a.zero_points == b.zero_points;
}

class Finder {
 public:
  Finder(const Graph& graph, const std::vector<Kernel>& kernels, const std::vector<std::optional<MatrixRules>>& rules,
         numerics::Requantization how)
      : graph_(graph), kernels_(kernels), rules_(rules), how_(how), roots_(graph.values.size()) {
    std::vector<bool> in_kernel(graph.nodes.size(), false);
    for (const Kernel& kernel : kernels) {
      for (const int node : kernel.nodes) {
        in_kernel[idx(node)] = true;
      }
    }
    for (std::size_t i = 0; i < roots_.size(); ++i) {
      roots_[i] = static_cast<ValueId>(i);
    }
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      if (!in_kernel[i]) {  // a view
        roots_[idx(graph.nodes[i].outputs[0])] = roots_[idx(graph.nodes[i].inputs[0])];
      }
    }
  }

  std::optional<Requantizer> find(std::size_t i) const {
    const Kernel& kernel = kernels_[i];
    if (!rules_[i] || !is_integer(rules_[i]->datapath) || !plain_codes(rules_[i]->a) ||
        !has_plain_weights(kernel, *rules_[i]) || kernel.writes.size() != 1 ||
        kernel.writes[0].storage != Storage::kMatrix) {
      return std::nullopt;
    }
    const quantize::Scheme* readers = scheme_of_readers(kernel.writes[0].value);
    if (readers == nullptr) {
      return std::nullopt;
    }
    Requantizer result{how_, *readers, {readers->zero_point(0), readers->lowest(), readers->highest()}, {}};
    return takes_bias(kernel, result) && takes_tail(kernel, result) ? std::optional(result) : std::nullopt;
  }

 private:
  const Node& node(int i) const { return graph_.nodes[idx(i)]; }

  bool has_plain_weights(const Kernel& kernel, const MatrixRules& rules) const {
    const bool grouped = rules.weights.recipe.granularity == config::Granularity::kPerGroup &&
                         !quantize::has_storage(rules.weights.recipe);
    return !grouped && constant_at(graph_, node(kernel.nodes.front()), 1) != nullptr &&
           constant_at(graph_, node(kernel.nodes.front()), 0) == nullptr;
  }

  const quantize::Scheme* scheme_of_readers(ValueId value) const {
    const quantize::Scheme* found = nullptr;
    for (std::size_t i = 0; i < kernels_.size(); ++i) {
      const auto& inputs = node(kernels_[i].nodes.front()).inputs;
      for (std::size_t input = 0; input < 2 && input < inputs.size(); ++input) {
        if (inputs[input] < 0 || roots_[idx(inputs[input])] != value) {
          continue;
        }
        const auto* codes = rules_[i] && is_integer(rules_[i]->datapath)
                                ? plain_codes(input == 0 ? rules_[i]->a : rules_[i]->b)
                                : nullptr;
        if (codes == nullptr || (found != nullptr && !same(*found, *codes))) {
          return nullptr;
        }
        found = codes;
      }
    }
    return found;
  }

  // One value for each channel: the last axis of a product's result.
  bool take(const Tensor& addend, std::int64_t channels, Requantizer& to) const {
    const auto values = addend.floats();
    const bool along_last = static_cast<std::int64_t>(values.size()) == channels && addend.shape.back() == channels;
    if (!along_last || !to.bias.empty()) {
      return false;
    }
    to.bias.assign(values.begin(), values.end());
    return true;
  }

  bool takes_bias(const Kernel& kernel, Requantizer& to) const {
    const Node& main = node(kernel.nodes.front());
    if (main.op == Op::kMatMul) {
      return graph_.value(main.inputs[1]).shape.size() == 2;
    }
    if (main.op == Op::kGemm && (main.real("alpha", 1.0F) != 1.0F || main.real("beta", 1.0F) != 1.0F)) {
      return false;
    }
    if (main.inputs.size() < 3 || main.inputs[2] < 0) {
      return true;
    }
    const Tensor* bias = constant_at(graph_, main, 2);
    const auto& shape = graph_.value(main.outputs[0]).shape;
    return bias != nullptr && !bias->shape.empty() && take(*bias, main.op == Op::kConv ? shape[1] : shape.back(), to);
  }

  // The limit of a Clip, as a code.
  static std::int32_t code_of(float limit, const quantize::Scheme& scheme) {
    const double code =
        std::nearbyint(static_cast<double>(limit) / static_cast<double>(scheme.scales[0])) + scheme.zero_point(0);
    return static_cast<std::int32_t>(std::clamp<double>(code, scheme.lowest(), scheme.highest()));
  }

  bool takes_clip(const Node& clip, Requantizer& to) const {
    float limits[2] = {clip.real("min", -INFINITY), clip.real("max", INFINITY)};
    for (std::size_t i = 1; i < clip.inputs.size(); ++i) {
      if (clip.inputs[i] >= 0) {
        const Tensor* limit = constant_at(graph_, clip, i);
        if (limit == nullptr || limit->floats().size() != 1) {
          return false;
        }
        limits[i - 1] = limit->floats()[0];
      }
    }
    if (std::isnan(limits[0]) || std::isnan(limits[1]) || limits[0] > limits[1]) {
      return false;
    }
    to.range.low = std::clamp(code_of(limits[0], to.output), to.range.low, to.range.high);
    to.range.high = std::clamp(code_of(limits[1], to.output), to.range.low, to.range.high);
    return true;
  }

  bool takes_tail(const Kernel& kernel, Requantizer& to) const {
    const Node& main = node(kernel.nodes.front());
    for (std::size_t i = 1; i < kernel.nodes.size(); ++i) {
      const Node& next = node(kernel.nodes[i]);
      if (next.op == Op::kRelu) {
        to.range.low = std::max(to.range.low, to.range.zero_point);
      } else if (next.op == Op::kAdd && i == 1 && main.op == Op::kMatMul) {
        const Tensor* first = constant_at(graph_, next, 0);
        const Tensor* addend = first != nullptr ? first : constant_at(graph_, next, 1);
        if (addend == nullptr || addend->shape.empty() ||
            !take(*addend, graph_.value(main.outputs[0]).shape.back(), to)) {
          return false;
        }
      } else if (next.op != Op::kClip || !takes_clip(next, to)) {
        return false;
      }
    }
    return true;
  }

  const Graph& graph_;
  const std::vector<Kernel>& kernels_;
  const std::vector<std::optional<MatrixRules>>& rules_;
  numerics::Requantization how_;
  std::vector<ValueId> roots_;  // what a view shows
};

}  // namespace

std::vector<std::optional<Requantizer>> find_requantizers(const Graph& graph, const std::vector<Kernel>& kernels,
                                                          const std::vector<std::optional<MatrixRules>>& rules,
                                                          numerics::Requantization how) {
  const Finder finder(graph, kernels, rules, how);
  std::vector<std::optional<Requantizer>> result;
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    result.push_back(finder.find(i));
  }
  return result;
}

}  // namespace mantissa::execute
