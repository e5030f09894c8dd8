// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <numeric>
#include <set>

#include "base/error.h"
#include "network/program.h"

namespace mantissa::network {
namespace {

// "block.3." of "block.3.attend.attention.q", "stem" of "stem".
std::string block_key(const std::string& name) {
  const std::size_t dot = name.find('.');
  if (dot == std::string::npos) {
    return name;
  }
  std::size_t end = dot + 1;
  while (end < name.size() && std::isdigit(static_cast<unsigned char>(name[end])) != 0) {
    ++end;
  }
  return end > dot + 1 && end < name.size() && name[end] == '.' ? name.substr(0, end) : name.substr(0, dot);
}

// How an activation lies on the chips of a tensor group.
enum class Layout {
  kWhole,    // each chip has all of it (of one-dimensional layouts)
  kDivided,  // by positions or features: each chip has a part, a product must gather it
  kHidden,   // by the features between two products: the outputs of one divide as the inputs of the other
};

class Divider {
 public:
  Divider(const Graph& graph, int tensor, int rows) : tensor_(tensor), rows_(rows), columns_(tensor / rows) {
    program_.graph = graph;
    program_.parameters = graph.parameter_count();
  }

  Program run(const std::vector<Kernel>& kernels) {
    std::string key;
    for (const Kernel& kernel : kernels) {
      const std::string own = block_key(kernel.name);
      program_.blocks += own != key || program_.blocks == 0 ? 1 : 0;
      key = own;
      ProgramStep step;
      step.kernel = kernel;
      step.block = program_.blocks - 1;
      if (tensor_ > 1) {
        divide(step);
      }
      program_.steps.push_back(std::move(step));
    }
    if (tensor_ > 1) {
      gather_output();
    }
    return std::move(program_);
  }

 private:
  [[noreturn]] void refuse(const Kernel& kernel, const std::string& why) const {
    throw ModelError(program_.graph.name, fmt::format("'{}' cannot be divided over {} chips: {}; use data or fsdp",
                                                      kernel.name, tensor_, why));
  }

  Layout layout(ValueId id) const {
    const auto at = layouts_.find(id);
    return at == layouts_.end() ? Layout::kWhole : at->second;
  }

  // An operand becomes a `parts`-th of it, here and in the graph (its last axis that is long enough).
  void cut(Operand& operand, std::int64_t parts) {
    operand.elements = ceil_div(operand.elements, parts);
    if (operand.value < 0 || !cut_.insert(operand.value).second) {
      return;
    }
    Shape& shape = program_.graph.values[static_cast<std::size_t>(operand.value)].shape;
    for (auto dim = shape.rbegin(); dim != shape.rend(); ++dim) {
      if (*dim >= parts) {
        *dim = ceil_div(*dim, parts);
        return;
      }
    }
  }

  void divide(ProgramStep& step) {
    Kernel& kernel = step.kernel;
    if (auto* gemm = std::get_if<GemmWork>(&kernel.work)) {
      if (kernel.reads.size() < 2 || !kernel.reads[1].weights || gemm->batch != 1) {
        refuse(kernel, "it multiplies two computed matrices");
      }
      layout(kernel.reads[0].value) == Layout::kHidden ? divide_inner(step, *gemm) : divide_outer(step, *gemm);
    } else if (auto* attention = std::get_if<AttentionWork>(&kernel.work)) {
      divide_attention(step, *attention);
    } else if (std::holds_alternative<ConvWork>(kernel.work)) {
      refuse(kernel, "it is a convolution");
    } else {
      divide_vector(step);
    }
  }

  // A product whose outputs are divided: n over the columns, k over the rows of the group.
  void divide_outer(ProgramStep& step, GemmWork& gemm) {
    Kernel& kernel = step.kernel;
    const ValueId input = kernel.reads[0].value;
    if (gemm.n < columns_ || gemm.k < rows_) {
      refuse(kernel, fmt::format("its weights are {} x {}", gemm.k, gemm.n));
    }
    if (layout(input) == Layout::kDivided && gathered_.insert(input).second) {
      step.before.push_back({CollectiveKind::kAllGather, ChipGroup::kTensorColumns, gemm.m * ceil_div(gemm.k, rows_)});
    }
    const std::int64_t outputs = gemm.m * gemm.n;
    gemm.n = ceil_div(gemm.n, columns_), gemm.k = ceil_div(gemm.k, rows_);
    kernel.reads[0].elements = gemm.m * gemm.k;
    cut(kernel.reads[1], tensor_);
    for (std::size_t i = 2; i < kernel.reads.size(); ++i) {
      cut(kernel.reads[i], kernel.reads[i].weights ? columns_ : tensor_);
    }
    for (Operand& write : kernel.writes) {
      cut(write, columns_);
      layouts_[write.value] = Layout::kHidden;
    }
    if (rows_ > 1) {
      step.after.push_back(
          {CollectiveKind::kReduceScatter, ChipGroup::kTensorRows, ceil_div(outputs, std::int64_t{columns_})});
    }
  }

  // A product whose inputs are divided: k over the columns, n over the rows of the group.
  void divide_inner(ProgramStep& step, GemmWork& gemm) {
    Kernel& kernel = step.kernel;
    if (rows_ > 1) {
      step.before.push_back({CollectiveKind::kAllGather, ChipGroup::kTensorRows, gemm.m * ceil_div(gemm.k, columns_)});
    }
    gemm.n = ceil_div(gemm.n, rows_), gemm.k = ceil_div(gemm.k, columns_);
    kernel.reads[0].elements = gemm.m * gemm.k;
    cut(kernel.reads[1], tensor_);
    const bool divided = gemm.m >= tensor_;
    for (std::size_t i = 2; i < kernel.reads.size(); ++i) {
      cut(kernel.reads[i], kernel.reads[i].weights ? rows_ : divided ? tensor_ : rows_);
    }
    for (Operand& write : kernel.writes) {
      cut(write, divided ? tensor_ : rows_);
      layouts_[write.value] = divided ? Layout::kDivided : Layout::kWhole;
    }
    step.after.push_back({divided ? CollectiveKind::kReduceScatter : CollectiveKind::kAllReduce,
                          ChipGroup::kTensorColumns, gemm.m * gemm.n});
  }

  void divide_attention(ProgramStep& step, AttentionWork& work) {
    Kernel& kernel = step.kernel;
    const std::int64_t q_elements = kernel.reads[0].elements, out = kernel.output_elements();
    const std::int64_t by_kv_heads = std::gcd(work.kv_heads, std::int64_t{tensor_});
    const std::int64_t by_texts = std::gcd(work.batch, tensor_ / by_kv_heads);
    const std::int64_t rest = tensor_ / by_kv_heads / by_texts;  // from here on keys and values are copied
    // Then by positions of the queries; where there is one only, chips beyond the number of heads have nothing to do.
    const std::int64_t by_heads =
        work.q_length > 1 ? std::gcd(work.heads / work.kv_heads, rest) : std::min(work.heads / work.kv_heads, rest);
    const std::int64_t by_positions = work.q_length > 1 ? rest / by_heads : 1;
    if (by_texts > 1) {
      step.before.push_back(
          {CollectiveKind::kAllToAll, ChipGroup::kTensor, ceil_div(q_elements, std::int64_t{tensor_})});
      step.after.push_back({CollectiveKind::kAllToAll, ChipGroup::kTensor, ceil_div(out, std::int64_t{tensor_})});
    }
    work.batch /= by_texts;
    work.kv_heads /= by_kv_heads;
    work.heads = ceil_div(work.heads, by_kv_heads * by_heads);
    work.heads = round_up(work.heads, work.kv_heads);
    work.q_length = ceil_div(work.q_length, by_positions);
    for (std::size_t i = 0; i < kernel.reads.size(); ++i) {
      cut(kernel.reads[i], i == 0 ? tensor_ : by_kv_heads * by_texts);
    }
    for (Operand& write : kernel.writes) {
      cut(write, tensor_);
      layouts_[write.value] = Layout::kHidden;
    }
  }

  void divide_vector(ProgramStep& step) {
    Kernel& kernel = step.kernel;
    Layout own = Layout::kWhole;
    bool tables = true;
    for (const Operand& read : kernel.reads) {
      if (!read.weights) {
        own = std::max(own, layout(read.value));
        tables = tables && program_.graph.value(read.value).type != ElementType::kFloat;
      }
    }
    const std::int64_t positions = tables ? kernel.output_elements() : 0;
    if (tables) {  // an embedding: its table is divided by features
      own = positions > 0 ? Layout::kDivided : own;
    }
    const std::int64_t parts = own == Layout::kWhole ? rows_ : own == Layout::kHidden ? columns_ : tensor_;
    divide_work(kernel.work, parts);
    for (Operand& read : kernel.reads) {
      // Scales of a norm are read whole; tables are divided.
      if (!read.weights || tables) {
        const Shape before = read.value >= 0 ? program_.graph.value(read.value).shape : Shape{};
        if (!tables || read.weights) {
          cut(read, parts);
        }
      }
    }
    for (Operand& write : kernel.writes) {
      cut(write, parts);
      layouts_[write.value] = own;
    }
    // Sums of a row that several chips have parts of.
    if (const auto* reduce = std::get_if<ReduceWork>(&kernel.work); reduce != nullptr && rows_ > 1) {
      step.after.push_back({CollectiveKind::kAllReduce, ChipGroup::kTensorRows, reduce->rows});
    }
  }

  static void divide_work(Work& work, std::int64_t parts) {
    if (auto* vector = std::get_if<VectorWork>(&work)) {
      vector->elements = ceil_div(vector->elements, parts);
    } else if (auto* reduce = std::get_if<ReduceWork>(&work)) {
      if (reduce->rows >= parts) {
        reduce->rows = ceil_div(reduce->rows, parts);
      } else {
        reduce->length = ceil_div(reduce->length, parts);
      }
    } else if (auto* copy = std::get_if<CopyWork>(&work)) {
      copy->elements = ceil_div(copy->elements, parts);
      copy->contiguous_elements = std::min(copy->contiguous_elements, copy->elements);
    }
  }

  // Every chip gets the results that the vocabulary layer left divided.
  void gather_output() {
    ProgramStep& last = program_.steps.back();
    if (!last.kernel.writes.empty() && layout(last.kernel.writes[0].value) != Layout::kWhole) {
      last.after.push_back({CollectiveKind::kAllGather, ChipGroup::kTensor,
                            last.kernel.output_elements() * (rows_ > 1 ? columns_ : tensor_)});
    }
  }

  Program program_;
  int tensor_, rows_, columns_;
  std::map<ValueId, Layout> layouts_;
  std::set<ValueId> gathered_;  // values that an all-gather has brought together
  std::set<ValueId> cut_;       // values whose shape in the graph is the part already
};

}  // namespace

Program divide(const Graph& graph, const std::vector<Kernel>& kernels, int tensor, int rows) {
  check(tensor >= 1 && rows >= 1 && tensor % rows == 0, "rows divides tensor");
  return Divider(graph, tensor, rows).run(kernels);
}

}  // namespace mantissa::network
