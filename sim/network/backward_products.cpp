// SPDX-License-Identifier: Apache-2.0
// Gradients of matrix products, convolutions and attention, and of what is fused behind them.
#include <algorithm>

#include "base/error.h"
#include "network/trainer.h"

namespace mantissa::network {

Operand Trainer::through_activation(const ProgramStep& forward, const Operand& dy, std::vector<Collective>& incoming) {
  if (!bends(forward.kernel)) {
    pass_to_addends(forward, dy);
    return dy;
  }
  ProgramStep step = backward_step(forward, ".activation_gradient");
  step.before = std::exchange(incoming, {});
  step.kernel.work = VectorWork{dy.elements, 2 * forward.kernel.epilogue_ops + 1, forward.kernel.epilogue_specials};
  step.kernel.reads = {dy, seen(forward.kernel.writes.back())};
  Operand dz = gradient_like(dy, step.kernel.name);
  step.kernel.writes = {dz};
  for (std::size_t i = 2; i < forward.kernel.reads.size(); ++i) {
    if (wants_gradient(forward.kernel.reads[i])) {
      step.kernel.reads.push_back(seen(forward.kernel.reads[i]));
      give(step, forward.kernel.reads[i]);
    }
  }
  emit(std::move(step));
  return dz;
}

void Trainer::bias_gradients(const ProgramStep& forward, const Operand& dz, std::int64_t rows) {
  for (std::size_t i = 2; i < forward.kernel.reads.size(); ++i) {
    const Operand& bias = forward.kernel.reads[i];
    if (bias.weights) {
      ProgramStep step = backward_step(forward, ".bias_gradient");
      step.kernel.work = ReduceWork{std::max<std::int64_t>(1, dz.elements / std::max<std::int64_t>(rows, 1)),
                                    std::max<std::int64_t>(rows, 1), 1, 1, 0};
      step.kernel.reads = {dz};
      give_weight(step, bias);
      emit(std::move(step));
    }
  }
}

void Trainer::reverse_gemm(const ProgramStep& forward, const GemmWork& work, const Operand& given,
                           std::vector<Collective> incoming) {
  Operand dz = through_activation(forward, given, incoming);
  // Where the forward pass scattered its result, dY is gathered: the product reads all of it.
  dz.elements = std::max(dz.elements, work.batch * work.m * work.n);
  const Operand a = forward.kernel.reads[0], b = forward.kernel.reads[1];
  if (wants_gradient(a)) {
    ProgramStep dx = backward_step(forward, ".input_gradient");
    dx.kernel.work = GemmWork{work.batch, work.m, work.k, work.n};
    dx.kernel.reads = {dz, seen(b)};
    dx.before = std::exchange(incoming, {});
    dx.after = turned(forward.before);
    give(dx, a);
    emit(std::move(dx));
  }
  if (b.weights || wants_gradient(b)) {
    ProgramStep dw = backward_step(forward, ".weight_gradient");
    dw.kernel.work = GemmWork{work.batch, work.k, work.n, work.m};
    dw.kernel.reads = {seen(a), dz};
    dw.before = std::exchange(incoming, {});
    dw.beside = forward.before;  // its input is gathered again
    b.weights ? give_weight(dw, b) : give(dw, b);
    emit(std::move(dw));
  }
  bias_gradients(forward, dz, work.m);
}

void Trainer::reverse_conv(const ProgramStep& forward, const ConvWork& work, const Operand& given) {
  std::vector<Collective> none;
  const Operand dz = through_activation(forward, given, none);
  const Operand x = forward.kernel.reads[0], w = forward.kernel.reads[1];
  const GemmWork product = as_gemm(work);
  if (wants_gradient(x)) {
    ProgramStep dx = backward_step(forward, ".input_gradient");
    ConvWork turned = work;
    std::swap(turned.c, turned.out_c), std::swap(turned.h, turned.out_h), std::swap(turned.w, turned.out_w);
    if (work.stride_h == 1 && work.stride_w == 1) {
      dx.kernel.work = turned;
    } else {
      dx.kernel.work = GemmWork{product.batch, product.m, product.k, product.n};
    }
    dx.kernel.reads = {dz, seen(w)};
    give(dx, x);
    emit(std::move(dx));
  }
  ProgramStep dw = backward_step(forward, ".weight_gradient");
  dw.kernel.work = GemmWork{product.batch, product.k, product.n, product.m};
  dw.kernel.reads = {seen(x), dz};
  give_weight(dw, w);
  emit(std::move(dw));
  bias_gradients(forward, dz, work.n * work.out_h * work.out_w);
}

void Trainer::reverse_attention(const ProgramStep& forward, const AttentionWork& work, const Operand& dy,
                                const std::vector<Collective>& incoming) {
  const auto& reads = forward.kernel.reads;
  check(reads.size() >= 3, "attention reads Q, K, V");
  // dQ: scores, dP, dQ; dK and dV: scores, dP, dK, dV. An attention kernel of the forward pass is two products.
  const auto part = [&](const char* name, std::int64_t repeat, std::int64_t kv_length) {
    ProgramStep step = backward_step(forward, name);
    AttentionWork own = work;
    own.kv_length = kv_length;
    step.kernel.work = own;
    step.kernel.repeat = repeat;
    step.kernel.reads = {seen(reads[0]), seen(reads[1]), seen(reads[2]), dy};
    return step;
  };
  ProgramStep dkv = part(".key_value_gradient", 2, work.kv_length);
  dkv.before = incoming;
  for (const std::size_t i : {1U, 2U}) {
    if (wants_gradient(reads[i])) {
      give(dkv, reads[i]);
    }
  }
  emit(std::move(dkv));
  ProgramStep dq = part(".query_gradient", 1, work.kv_length);
  if (wants_gradient(reads[0])) {
    give(dq, reads[0]);
  }
  emit(std::move(dq));
  ProgramStep rest = part(".query_gradient_scores", 1, ceil_div(work.kv_length, 2));
  rest.after = turned(forward.before);
  rest.kernel.writes = {gradient_like(reads[0], rest.kernel.name)};
  emit(std::move(rest));
}

}  // namespace mantissa::network
