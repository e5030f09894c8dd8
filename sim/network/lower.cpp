// SPDX-License-Identifier: Apache-2.0
// Nodes -> kernels. Nodes are taken in order; each that is no view and not yet part of a kernel starts one, and the
// kernel then grows along the element-wise operations behind it:
//
//   Conv -> Add(constant) -> Add(y) -> Relu -> ...      a chain: each value has one reader
//   x -> Sigmoid -> Mul(x, .)                           two readers of x, if one leads to the other (Swish, GELU)
//
// A second operand y may be read by the kernel when it is there before the kernel runs: an input, a constant, or the
// result of a kernel before it. So of two branches that are added, the later one takes the addition.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "network/kernel.h"
#include "network/op.h"
#include "network/storage.h"
#include "network/work.h"

namespace mantissa::network {
namespace {

constexpr std::size_t kMaxSideChain = 8;  // nodes between the two readers of a value

bool is_integer(ElementType type) {
  return type != ElementType::kFloat && type != ElementType::kDouble;
}

class Lowering {
 public:
  explicit Lowering(const Graph& graph)
      : graph_(graph),
        roots_(graph.values.size()),
        readers_(graph.values.size()),
        kernel_of_value_(graph.values.size(), -1),
        kernel_of_node_(graph.nodes.size(), -1),
        is_view_(graph.nodes.size()),
        is_output_(graph.values.size()),
        uses_(graph.values.size()) {}

  std::vector<Kernel> run() {
    find_views();
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (!is_view_[i] && kernel_of_node_[i] < 0) {
        start_kernel(static_cast<int>(i));
      }
    }
    assign_storage();
    check_complete();
    return std::move(kernels_);
  }

 private:
  struct Uses {
    int matrix = 0, other = 0;
  };

  const Node& node(int i) const { return graph_.nodes[static_cast<std::size_t>(i)]; }
  ValueId root(ValueId id) const { return roots_[static_cast<std::size_t>(id)]; }
  const Value& value(ValueId id) const { return graph_.value(id); }
  std::int64_t elements(ValueId id) const { return element_count(value(id).shape); }
  bool is_weight(ValueId id) const { return value(id).parameter || value(id).constant != nullptr; }

  void find_views();
  void start_kernel(int first);
  void grow(Kernel& kernel, ValueId tail);
  std::vector<int> next_nodes(ValueId tail) const;
  bool can_fuse(int candidate, const std::vector<ValueId>& inside, const Shape& shape) const;
  void fuse(Kernel& kernel, int added, std::vector<ValueId>& inside);
  void claim(int node_index);
  void add_reads(Kernel& kernel);
  void read(Kernel& kernel, ValueId id, bool matrix, bool keep_place);
  void add_writes(Kernel& kernel, ValueId tail);
  void assign_storage();
  void check_complete() const;

  const Graph& graph_;
  std::vector<ValueId> roots_;             // the value whose data a view shows; itself for all others
  std::vector<std::vector<int>> readers_;  // by root: nodes that are no views, each once
  std::vector<int> kernel_of_value_;       // by root: the kernel that writes it or keeps it inside
  std::vector<int> kernel_of_node_;
  std::vector<bool> is_view_;
  std::vector<bool> is_output_;  // by root: an output of the graph is it, or shows it
  std::vector<Uses> uses_;       // by root
  std::vector<Kernel> kernels_;
};

bool is_view(const Graph& graph, const Node& node) {
  switch (node.op) {
    case Op::kIdentity:
    case Op::kDropout:
    case Op::kReshape:
    case Op::kFlatten:
    case Op::kSqueeze:
    case Op::kUnsqueeze:
      return true;
    case Op::kCast:
    case Op::kCastLike:
      return is_integer(graph.value(node.inputs.at(0)).type) == is_integer(graph.value(node.outputs.at(0)).type);
    default:
      return false;
  }
}

// Element by element, so that it can be done on results as they leave a matrix or vector unit.
bool is_elementwise(const Node& node) {
  switch (node.op) {
    case Op::kCumSum:
    case Op::kLRN:
    case Op::kResize:
    case Op::kUpsample:
    case Op::kGridSample:
      return false;
    case Op::kCast:
    case Op::kCastLike:
      return true;  // between integers and reals, or it would be a view
    default:
      return info(node.op).kind == KernelKind::kVector && node.outputs.size() == 1;
  }
}

bool takes_tail(const Node& node) {
  const KernelKind kind = info(node.op).kind;
  return kind == KernelKind::kGemm || kind == KernelKind::kConv || is_elementwise(node);
}

// Inputs that the matrix unit reads.
bool is_matrix_input(const Node& node, std::size_t i) {
  switch (info(node.op).kind) {
    case KernelKind::kGemm:
    case KernelKind::kConv:
      return std::ranges::count(matrix_operands(node.op), i) > 0;
    case KernelKind::kAttention:
      return true;
    default:
      return false;
  }
}

void Lowering::find_views() {
  for (std::size_t id = 0; id < roots_.size(); ++id) {
    roots_[id] = static_cast<ValueId>(id);
  }
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    const Node& n = graph_.nodes[i];
    is_view_[i] = is_view(graph_, n);
    if (is_view_[i]) {
      roots_[static_cast<std::size_t>(n.outputs.at(0))] = root(n.inputs.at(0));
      continue;
    }
    for (const ValueId id : n.inputs) {
      if (id >= 0 && (readers_[static_cast<std::size_t>(root(id))].empty() ||
                      readers_[static_cast<std::size_t>(root(id))].back() != static_cast<int>(i))) {
        readers_[static_cast<std::size_t>(root(id))].push_back(static_cast<int>(i));
      }
    }
  }
  for (const ValueId id : graph_.outputs) {
    is_output_[static_cast<std::size_t>(root(id))] = true;
  }
}

void Lowering::claim(int node_index) {
  check(kernel_of_node_[static_cast<std::size_t>(node_index)] < 0, "a node belongs to one kernel");
  const int kernel = static_cast<int>(kernels_.size());  // the one being built
  kernel_of_node_[static_cast<std::size_t>(node_index)] = kernel;
  for (const ValueId id : node(node_index).outputs) {
    kernel_of_value_[static_cast<std::size_t>(id)] = kernel;
  }
}

void Lowering::start_kernel(int first) {
  const Node& main = node(first);
  Kernel kernel;
  kernel.name = main.name;
  try {
    for (const ValueId id : main.outputs) {
      if (elements(id) == 0) {
        throw OpError("its result is empty, so there is nothing to run");
      }
    }
    kernel.work = make_work(graph_, main);
  } catch (const OpError& error) {
    throw ConfigError({graph_.name, 0, 0}, fmt::format("node '{}' ({}) cannot be run on a chip: {}", main.name,
                                                       info(main.op).name, error.what()));
  }
  kernel.nodes.push_back(first);
  claim(first);
  const VectorCost epilogue = epilogue_cost(graph_, main);
  kernel.epilogue_ops += epilogue.ops;
  kernel.epilogue_specials += epilogue.specials;
  if (takes_tail(main)) {
    grow(kernel, main.outputs[0]);
  }
  add_reads(kernel);
  add_writes(kernel, node(kernel.nodes.back()).outputs[0]);
  kernels_.push_back(std::move(kernel));
}

// The node or nodes that can follow directly: the only reader of the tail, or a side chain from one reader to the
// other.
std::vector<int> Lowering::next_nodes(ValueId tail) const {
  const std::vector<int>& readers = readers_[static_cast<std::size_t>(tail)];
  if (is_output_[static_cast<std::size_t>(tail)] || readers.empty() || readers.size() > 2) {
    return {};
  }
  std::vector<int> chain{readers[0]};
  while (readers.size() == 2 && chain.back() != readers[1]) {
    const ValueId result = node(chain.back()).outputs[0];
    const std::vector<int>& next = readers_[static_cast<std::size_t>(result)];
    if (chain.size() > kMaxSideChain || next.size() != 1 || is_output_[static_cast<std::size_t>(result)]) {
      return {};
    }
    chain.push_back(next[0]);
  }
  return chain;
}

bool Lowering::can_fuse(int candidate, const std::vector<ValueId>& inside, const Shape& shape) const {
  const Node& n = node(candidate);
  if (!is_elementwise(n) || kernel_of_node_[static_cast<std::size_t>(candidate)] >= 0 ||
      value(n.outputs[0]).shape != shape) {
    return false;
  }
  return std::all_of(n.inputs.begin(), n.inputs.end(), [&](ValueId id) {
    if (id < 0 || is_weight(id) ||
        std::find(graph_.inputs.begin(), graph_.inputs.end(), root(id)) != graph_.inputs.end()) {
      return true;
    }
    if (std::find(inside.begin(), inside.end(), root(id)) != inside.end()) {
      return value(id).shape == shape;  // not through a view that rearranges what broadcasting would see
    }
    const int producer = kernel_of_value_[static_cast<std::size_t>(root(id))];
    return producer >= 0 && producer < static_cast<int>(kernels_.size());
  });
}

void Lowering::fuse(Kernel& kernel, int added, std::vector<ValueId>& inside) {
  claim(added);
  kernel.nodes.push_back(added);
  inside.push_back(node(added).outputs[0]);
  const VectorCost cost = vector_cost(node(added));
  if (auto* vector = std::get_if<VectorWork>(&kernel.work)) {
    vector->ops += cost.ops;
    vector->specials += cost.specials;
  } else {
    kernel.epilogue_ops += cost.ops;
    kernel.epilogue_specials += cost.specials;
  }
}

void Lowering::grow(Kernel& kernel, ValueId tail) {
  const Shape shape = value(tail).shape;
  std::vector<ValueId> inside{tail};
  for (;;) {
    const std::vector<int> chain = next_nodes(tail);
    std::vector<ValueId> values = inside;
    for (const int candidate : chain) {
      if (!can_fuse(candidate, values, shape)) {
        return;
      }
      values.push_back(node(candidate).outputs[0]);
    }
    if (chain.empty()) {
      return;
    }
    for (const int candidate : chain) {
      fuse(kernel, candidate, inside);
    }
    tail = inside.back();
  }
}

void Lowering::read(Kernel& kernel, ValueId id, bool matrix, bool keep_place) {
  const ValueId source = root(id);
  const bool codes = is_integer(value(source).type);
  const bool setting =
      value(source).constant != nullptr && (elements(source) <= 1 || (codes && !value(source).parameter));
  if (setting && !keep_place) {
    return;
  }
  Uses& uses = uses_[static_cast<std::size_t>(source)];
  ++(matrix ? uses.matrix : uses.other);
  const auto same = [&](const Operand& operand) { return operand.value == source; };
  if (!keep_place && std::any_of(kernel.reads.begin(), kernel.reads.end(), same)) {
    return;
  }
  Operand operand{source, elements(source), Storage::kVector, is_weight(source)};
  if (operand.weights) {
    operand.storage = matrix ? Storage::kMatrix : Storage::kVector;
  }
  kernel.reads.push_back(operand);
}

void Lowering::add_reads(Kernel& kernel) {
  const int index = static_cast<int>(kernels_.size());
  for (const int i : kernel.nodes) {
    const Node& n = node(i);
    const bool main = i == kernel.nodes.front();
    for (std::size_t k = 0; k < n.inputs.size(); ++k) {
      const ValueId id = n.inputs[k];
      const bool inside = id >= 0 && kernel_of_value_[static_cast<std::size_t>(root(id))] == index;
      if (id < 0 || inside) {
        continue;
      }
      const bool matrix = main && is_matrix_input(n, k);
      if (n.op == Op::kAttention && n.inputs.size() > 4 && (k == 1 || k == 2)) {
        // Written to its place in the cache, and read as part of it.
        ++uses_[static_cast<std::size_t>(root(id))].matrix;
        continue;
      }
      read(kernel, id, matrix, main && (matrix || k == 0));
    }
  }
  const Node& main = node(kernel.nodes.front());
  const bool picks = main.op == Op::kGather || main.op == Op::kGatherElements || main.op == Op::kGatherND ||
                     main.op == Op::kSlice || main.op == Op::kSplit;
  if (picks && !kernel.reads.empty()) {
    kernel.reads[0].elements = std::min(kernel.reads[0].elements, std::get<CopyWork>(kernel.work).elements);
  }
}

void Lowering::add_writes(Kernel& kernel, ValueId tail) {
  const Node& last = node(kernel.nodes.back());
  for (const ValueId id : last.outputs) {
    const bool used = is_output_[static_cast<std::size_t>(id)] || !readers_[static_cast<std::size_t>(id)].empty();
    if (used || id == tail) {
      kernel.writes.push_back({id, elements(id), Storage::kVector, false});
    }
  }
}

void Lowering::assign_storage() {
  const std::vector<bool> scales = find_scales(graph_);
  const auto assign = [&](std::vector<Operand>& operands) {
    for (Operand& operand : operands) {
      const auto id = static_cast<std::size_t>(operand.value);
      if (is_integer(value(operand.value).type)) {
        operand.storage = integer_storage(value(operand.value).type);
      } else if (scales[id]) {
        operand.storage = Storage::kWord;
      } else if (!operand.weights && uses_[id].matrix > 0 && uses_[id].other == 0 && !is_output_[id]) {
        operand.storage = Storage::kMatrix;
      }
    }
  };
  for (Kernel& kernel : kernels_) {
    assign(kernel.reads);
    assign(kernel.writes);
  }
}

void Lowering::check_complete() const {
  std::vector<int> count(graph_.nodes.size());
  for (const Kernel& kernel : kernels_) {
    for (const int i : kernel.nodes) {
      ++count[static_cast<std::size_t>(i)];
    }
  }
  for (std::size_t i = 0; i < count.size(); ++i) {
    check(count[i] == (is_view_[i] ? 0 : 1), "every node is a view or belongs to exactly one kernel");
  }
}

}  // namespace

std::vector<Kernel> lower(const Graph& graph) {
  return Lowering(graph).run();
}

}  // namespace mantissa::network
