// SPDX-License-Identifier: Apache-2.0
#include "network/backward.h"

#include <algorithm>

#include "base/error.h"
#include "network/trainer.h"

namespace mantissa::network {

bool passes_gradient(Op op) {
  return op == Op::kAdd || op == Op::kSum || op == Op::kIdentity;
}

Program Trainer::run() {
  forward_ = std::move(program_.steps);
  program_.steps.clear();
  const std::vector<ValueId> inputs = program_.graph.inputs;
  sources_.insert(inputs.begin(), inputs.end());
  for (ProgramStep& step : forward_) {
    keep_before_activation(step);
    split_batch_norm(step);
  }
  add_loss();
  for (std::size_t end = forward_.size(); end > 0;) {
    std::size_t begin = end;
    while (begin > 0 && forward_[begin - 1].block == forward_[end - 1].block) {
      --begin;
    }
    if (training_.checkpointing && end != forward_.size()) {
      recompute(begin, end);
    }
    for (std::size_t i = end; i-- > begin;) {
      reverse(forward_[i]);
    }
    end = begin;
  }
  add_optimizer(program_, weights_, training_, shards_);
  return std::move(program_);
}

bool Trainer::wants_gradient(const Operand& operand) const {
  return !operand.weights && operand.value >= 0 && sources_.count(operand.value) == 0 &&
         program_.graph.value(operand.value).type == ElementType::kFloat;
}

bool Trainer::bends(const Kernel& kernel) const {
  return kernel.is_matrix() && std::any_of(kernel.nodes.begin() + 1, kernel.nodes.end(), [&](int i) {
           return !passes_gradient(node(i).op) && node(i).op != Op::kBatchNormalization;
         });
}

void Trainer::keep_before_activation(ProgramStep& step) {
  if (!bends(step.kernel) || std::holds_alternative<ConvWork>(step.kernel.work)) {
    return;  // ReLU behind a convolution: its result says where the gradient passes
  }
  const Operand result = step.kernel.writes.at(0);
  Operand kept = result;
  kept.value = add_value(step.kernel.name + ".kept", shape_of(result.value));
  step.kernel.writes.push_back(kept);
}

ProgramStep Trainer::backward_step(const ProgramStep& forward, const std::string& what) const {
  ProgramStep step;
  step.kernel.name = forward.kernel.name + what;
  step.phase = Phase::kBackward;
  step.block = forward.block;
  return step;
}

std::optional<Operand> Trainer::take_gradient(const ProgramStep& forward, ValueId value) {
  const auto at = gradients_.find(value);
  if (at == gradients_.end() || at->second.empty()) {
    return std::nullopt;
  }
  std::vector<Operand> parts = std::move(at->second);
  gradients_.erase(at);
  if (parts.size() == 1) {
    return parts[0];
  }
  ProgramStep sum = backward_step(forward, ".gradient_sum");
  sum.kernel.work = VectorWork{parts[0].elements, static_cast<double>(parts.size() - 1), 0};
  sum.kernel.reads = parts;
  sum.kernel.writes = {gradient_like(parts[0], sum.kernel.name)};
  const Operand result = sum.kernel.writes[0];
  emit(std::move(sum));
  return result;
}

void Trainer::give(ProgramStep& step, const Operand& operand) {
  std::vector<Operand>& parts = gradients_[operand.value];
  Operand result = gradient_like(operand, step.kernel.name + ".out");
  if (step.kernel.is_matrix() && !parts.empty()) {
    step.kernel.epilogue_ops += static_cast<double>(parts.size());
    step.kernel.reads.insert(step.kernel.reads.end(), parts.begin(), parts.end());
    parts.clear();
  }
  step.kernel.writes.push_back(result);
  parts.push_back(result);
}

void Trainer::give_weight(ProgramStep& step, const Operand& weight) {
  const std::int64_t elements = element_count(shape_of(weight.value));
  const Operand result{add_value(step.kernel.name + ".weights", shape_of(weight.value)), elements, Storage::kVector,
                       false};
  step.kernel.writes.push_back(result);
  weights_.push_back({weight.value, result.value, elements, step.block});
}

std::vector<Collective> Trainer::turned(std::vector<Collective> collectives) {
  std::reverse(collectives.begin(), collectives.end());
  for (Collective& c : collectives) {
    if (c.kind == CollectiveKind::kAllGather || c.kind == CollectiveKind::kReduceScatter) {
      c.kind = c.kind == CollectiveKind::kAllGather ? CollectiveKind::kReduceScatter : CollectiveKind::kAllGather;
    }
  }
  return collectives;
}

void Trainer::split_batch_norm(ProgramStep& step) {
  const bool normalizes = std::any_of(step.kernel.nodes.begin() + 1, step.kernel.nodes.end(),
                                      [&](int i) { return node(i).op == Op::kBatchNormalization; });
  if (!normalizes || !std::holds_alternative<ConvWork>(step.kernel.work)) {
    emit(step);
    return;
  }
  Kernel& conv = step.kernel;
  ProgramStep norm;
  norm.block = step.block;
  norm.kernel.name = conv.name + ".batch_norm";
  norm.kernel.work = VectorWork{conv.output_elements(), conv.epilogue_ops + 2, conv.epilogue_specials};
  norm.kernel.nodes.assign(conv.nodes.begin() + 1, conv.nodes.end());
  norm.kernel.writes = conv.writes;
  Operand raw = conv.writes.at(0);
  raw.value = add_value(conv.name + ".raw", shape_of(raw.value));
  raw.storage = Storage::kVector;
  conv.nodes.resize(1);
  conv.writes = {raw};
  conv.epilogue_ops = 3, conv.epilogue_specials = 0;  // sum and sum of squares
  norm.kernel.reads = {raw};
  norm.kernel.reads.insert(norm.kernel.reads.end(), conv.reads.begin() + 2, conv.reads.end());
  conv.reads.resize(2);
  emit(std::move(step));
  emit(std::move(norm));
}

// Softmax and cross entropy of the last result, and its gradient: the scores are read twice and written once.
void Trainer::add_loss() {
  forward_ = std::move(program_.steps);
  program_.steps = forward_;
  const ProgramStep& last = forward_.back();
  const Operand scores = last.kernel.writes.at(0);
  const std::int64_t length =
      std::max<std::int64_t>(1, shape_of(scores.value).empty() ? 1 : shape_of(scores.value).back());
  ProgramStep loss = backward_step(last, ".loss");
  loss.kernel.work =
      ReduceWork{std::max<std::int64_t>(1, scores.elements / length), length, 2, training_.loss_scaling ? 3.0 : 2.0, 1};
  loss.kernel.reads = {scores};
  loss.kernel.writes = {gradient_like(scores, loss.kernel.name)};
  gradients_[scores.value] = {loss.kernel.writes[0]};
  emit(std::move(loss));
}

void Trainer::recompute(std::size_t begin, std::size_t end) {
  for (std::size_t i = begin; i < end; ++i) {
    ProgramStep again = forward_[i];
    again.phase = Phase::kRecompute;
    again.kernel.name += ".again";
    for (Operand& read : again.kernel.reads) {
      read.value = seen(read.value);
    }
    for (Operand& write : again.kernel.writes) {
      const ValueId copy = add_value(program_.graph.value(write.value).name + ".again", shape_of(write.value));
      copies_[write.value] = copy;
      write.value = copy;
    }
    emit(std::move(again));
  }
}

// Adding passes the gradient on as it is.
void Trainer::pass_to_addends(const ProgramStep& forward, const Operand& dy) {
  for (std::size_t i = forward.kernel.is_matrix() ? 2 : 1; i < forward.kernel.reads.size(); ++i) {
    const Operand& read = forward.kernel.reads[i];
    if (wants_gradient(read)) {
      gradients_[read.value].push_back(dy);
    }
  }
}

void Trainer::reverse_other(const ProgramStep& forward, const Operand& dy, const std::vector<Collective>& incoming) {
  const Kernel& kernel = forward.kernel;
  ProgramStep step = backward_step(forward, ".gradient");
  step.before = incoming;
  step.after = turned(forward.before);
  step.kernel.reads = {dy};
  bool sums = false, norm = false;
  if (const auto* vector = std::get_if<VectorWork>(&kernel.work)) {
    sums = std::all_of(kernel.nodes.begin(), kernel.nodes.end(), [&](int i) { return passes_gradient(node(i).op); });
    norm = std::any_of(kernel.nodes.begin(), kernel.nodes.end(),
                       [&](int i) { return node(i).op == Op::kBatchNormalization; });
    if (norm) {  // the means over the batch of dY and of dY times the normalized value come first
      ProgramStep means = backward_step(forward, ".gradient_means");
      means.kernel.work = ReduceWork{1, dy.elements, 1, 4, 0};
      means.kernel.reads = {dy, seen(kernel.reads[0])};
      for (const Operand& read : kernel.reads) {
        if (read.weights) {
          give_weight(means, read);
        }
      }
      emit(std::move(means));
    }
    step.kernel.work = VectorWork{vector->elements, 2 * vector->ops + 1, vector->specials};
  } else if (const auto* reduce = std::get_if<ReduceWork>(&kernel.work)) {
    ReduceWork own = *reduce;
    own.passes += 1;
    step.kernel.work = own;
  } else if (const auto* copy = std::get_if<CopyWork>(&kernel.work)) {
    step.kernel.work = *copy;
  }
  if (sums) {
    for (const Operand& read : kernel.reads) {
      if (wants_gradient(read)) {
        gradients_[read.value].push_back(dy);
      }
    }
    return;
  }
  for (const Operand& read : kernel.reads) {
    if (wants_gradient(read)) {
      if (!std::holds_alternative<CopyWork>(kernel.work) && !(norm && read.value != kernel.reads[0].value)) {
        step.kernel.reads.push_back(seen(read));
      }
      give(step, read);
    }
  }
  const bool given = std::any_of(weights_.begin(), weights_.end(), [&](const TrainedWeight& w) {
    return std::any_of(kernel.reads.begin(), kernel.reads.end(), [&](const Operand& r) { return r.value == w.value; });
  });
  for (const Operand& read : kernel.reads) {
    if (read.weights && !given) {
      give_weight(step, read);
    }
  }
  if (!step.kernel.writes.empty()) {
    emit(std::move(step));
  }
}

void Trainer::reverse(const ProgramStep& forward) {
  const auto dy = take_gradient(forward, forward.kernel.writes.at(0).value);
  if (!dy) {
    return;  // nothing that is learned depends on it
  }
  std::vector<Collective> incoming = turned(forward.after);
  if (const auto* gemm = std::get_if<GemmWork>(&forward.kernel.work)) {
    reverse_gemm(forward, *gemm, *dy, std::move(incoming));
  } else if (const auto* conv = std::get_if<ConvWork>(&forward.kernel.work)) {
    reverse_conv(forward, *conv, *dy);
  } else if (const auto* attention = std::get_if<AttentionWork>(&forward.kernel.work)) {
    reverse_attention(forward, *attention, *dy, incoming);
  } else {
    reverse_other(forward, *dy, incoming);
  }
}

Program add_training(Program forward, const config::Training& training, int shards) {
  return Trainer(std::move(forward), training, shards).run();
}

}  // namespace mantissa::network
