// SPDX-License-Identifier: Apache-2.0
// Private to network/backward*.cpp: what turns the kernels of a forward pass into those of a training step, one kernel
// at a time from the last to the first. For the rules, and what they leave out, see network/backward.h.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "network/backward.h"
#include "network/op.h"
#include "network/optimizer.h"

namespace mantissa::network {

// Operators whose inputs have their result's gradient.
bool passes_gradient(Op op);

class Trainer {
 public:
  Trainer(Program forward, const config::Training& training, int shards)
      : program_(std::move(forward)), training_(training), shards_(shards) {}

  Program run();

 private:
  const Node& node(int i) const { return program_.graph.nodes[static_cast<std::size_t>(i)]; }

  ValueId add_value(const std::string& name, const Shape& shape, bool parameter = false) {
    program_.graph.values.push_back({name, ElementType::kFloat, shape, parameter, nullptr});
    return static_cast<ValueId>(program_.graph.values.size() - 1);
  }
  Shape shape_of(ValueId id) const { return id < 0 ? Shape{} : program_.graph.value(id).shape; }

  // The value as the backward pass sees it: its copy where it was computed again.
  ValueId seen(ValueId id) const {
    const auto at = copies_.find(id);
    return at == copies_.end() ? id : at->second;
  }
  Operand seen(Operand operand) const {
    operand.value = seen(operand.value);
    return operand;
  }
  bool wants_gradient(const Operand& operand) const;
  Operand gradient_like(const Operand& operand, const std::string& name) {
    return {add_value(name, shape_of(operand.value)), operand.elements, Storage::kVector, false};
  }

  // An activation, or a product with a computed value, among what is fused behind a matrix operation.
  bool bends(const Kernel& kernel) const;

  void keep_before_activation(ProgramStep& step);

  // Statistics of the batch must be known before the first value is normalized: the convolution writes its result (and
  // sums it up on the way), a second kernel normalizes. Runs of steps grow by one.
  void split_batch_norm(ProgramStep& step);

  void emit(ProgramStep step) { program_.steps.push_back(std::move(step)); }
  ProgramStep backward_step(const ProgramStep& forward, const std::string& what) const;

  // The gradient of a value: one operand, after a kernel that sums what several readers of the value gave.
  std::optional<Operand> take_gradient(const ProgramStep& forward, ValueId value);

  // A kernel that makes a gradient of `operand`; adds what is known of it already.
  void give(ProgramStep& step, const Operand& operand);

  void give_weight(ProgramStep& step, const Operand& weight);

  static std::vector<Collective> turned(std::vector<Collective> collectives);

  void add_loss();
  void recompute(std::size_t begin, std::size_t end);
  void reverse(const ProgramStep& forward);
  void reverse_gemm(const ProgramStep& forward, const GemmWork& work, const Operand& dy,
                    std::vector<Collective> incoming);
  void reverse_conv(const ProgramStep& forward, const ConvWork& work, const Operand& dy);
  void reverse_attention(const ProgramStep& forward, const AttentionWork& work, const Operand& dy,
                         const std::vector<Collective>& incoming);
  void reverse_other(const ProgramStep& forward, const Operand& dy, const std::vector<Collective>& incoming);
  Operand through_activation(const ProgramStep& forward, const Operand& dy, std::vector<Collective>& incoming);
  void pass_to_addends(const ProgramStep& forward, const Operand& dy);
  void bias_gradients(const ProgramStep& forward, const Operand& dz, std::int64_t rows);

  Program program_;
  config::Training training_;
  int shards_;
  std::vector<ProgramStep> forward_;
  std::set<ValueId> sources_;
  std::map<ValueId, ValueId> copies_;
  std::map<ValueId, std::vector<Operand>> gradients_;
  std::vector<TrainedWeight> weights_;
};

}  // namespace mantissa::network
