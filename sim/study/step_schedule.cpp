// SPDX-License-Identifier: Apache-2.0
#include "study/step_schedule.h"

#include <algorithm>

#include "base/error.h"

namespace mantissa::study {
namespace {

using hardware::CollectiveOperation;
using hardware::TorusAxis;
using network::ChipGroup;
using network::Collective;
using network::CollectiveKind;
using network::Phase;
using network::ProgramStep;

CollectiveOperation operation_of(CollectiveKind kind) {
  switch (kind) {
    case CollectiveKind::kAllReduce:
      return CollectiveOperation::kAllReduce;
    case CollectiveKind::kAllGather:
      return CollectiveOperation::kAllGather;
    case CollectiveKind::kReduceScatter:
      return CollectiveOperation::kReduceScatter;
    case CollectiveKind::kAllToAll:
      return CollectiveOperation::kAllToAll;
  }
  return CollectiveOperation::kAllReduce;
}

class Schedule {
 public:
  explicit Schedule(const ScheduleInput& input) : in_(input) {
    const config::Parallelism& p = in_.parallel;
    if (p.chips() > 1) {
      const auto groups = hardware::divide_slice(*in_.chip.interconnect, p.chips(),
                                                 {p.tensor_rows, p.tensor / p.tensor_rows, p.fsdp, p.data});
      axes_[ChipGroup::kTensorRows] = groups[0];
      axes_[ChipGroup::kTensorColumns] = groups[1];
      axes_[ChipGroup::kTensor] = groups[0];
      axes_[ChipGroup::kTensor].insert(axes_[ChipGroup::kTensor].end(), groups[1].begin(), groups[1].end());
      axes_[ChipGroup::kFsdp] = groups[2];
      axes_[ChipGroup::kData] = groups[3];
    }
    const std::size_t blocks = static_cast<std::size_t>(in_.program.blocks);
    gathered_.assign(blocks, -1), reduced_.assign(blocks, 0), last_backward_.assign(blocks, 0);
    for (std::size_t i = 0; i < in_.program.steps.size(); ++i) {
      if (in_.program.steps[i].phase == Phase::kBackward) {
        last_backward_[block_of(in_.program.steps[i])] = i;
      }
    }
  }

  ScheduleTimes run() {
    for (std::size_t i = 0; i < in_.program.steps.size(); ++i) {
      const ProgramStep& step = in_.program.steps[i];
      enter_block(step);
      run_step(i, step);
      if (in_.training && step.phase == Phase::kBackward && last_backward_[block_of(step)] == i) {
        reduce_gradients(block_of(step));
      }
    }
    times_.total = Seconds(std::max({compute_, tensor_, weights_}));
    return times_;
  }

 private:
  static std::size_t block_of(const ProgramStep& step) { return static_cast<std::size_t>(step.block); }

  // Time on the links; the same collective is simulated once.
  double time(CollectiveOperation operation, ChipGroup group, Bytes bytes) {
    const auto& axes = axes_[group];
    const auto [at, fresh] = runs_.try_emplace({operation, axes, bytes});
    if (fresh) {
      at->second = hardware::run_collective(*in_.chip.interconnect, axes, operation, bytes);
      check(at->second.complete, "every chip gets every byte");
    }
    return at->second.time.count();
  }
  Bytes sent(CollectiveOperation operation, ChipGroup group, Bytes bytes) {
    return runs_.at({operation, axes_[group], bytes}).sent_most;
  }
  bool alone(ChipGroup group) const {
    const auto at = axes_.find(group);
    return at == axes_.end() || at->second.empty();
  }

  // One that something waits for, as a whole: ends at the returned time.
  double communicate(double& stream, CollectiveOperation operation, ChipGroup group, Bytes bytes, double ready) {
    if (alone(group) || bytes.count() == 0) {
      return ready;
    }
    const double duration = time(operation, group, bytes) + in_.chip.interconnect->launch.count();
    stream = std::max(stream, ready) + duration;
    times_.communication += Seconds(duration);
    times_.sent += sent(operation, group, bytes);
    ++times_.collectives;
    return stream;
  }
  Bytes bytes_of(const Collective& c) const { return Bytes(c.elements * in_.activation_bytes); }

  int chunks_of(ChipGroup group) const {
    int longest = 1;
    for (const TorusAxis& axis : axes_.at(group)) {
      longest = std::max(longest, axis.length);
    }
    return longest;
  }

  // Weights of a block are there when its first kernel starts; meanwhile the next block's are on their way.
  void enter_block(const ProgramStep& step) {
    const bool uses = step.phase != Phase::kOptimizer;
    if (!uses || in_.parallel.fsdp == 1) {
      return;
    }
    const bool backwards = step.phase != Phase::kForward;
    const int block = step.block;
    if (block == current_ && backwards == backwards_) {
      return;
    }
    // The last block's weights are still there when the backward pass begins.
    const bool turned = backwards && !backwards_ && block == current_;
    current_ = block, backwards_ = backwards;
    if (!turned) {
      gather(block, compute_);
      compute_ = std::max(compute_, gathered_[static_cast<std::size_t>(block)]);
    }
    gathered_[static_cast<std::size_t>(block)] = -1;
    gather(backwards ? block - 1 : block + 1, compute_);
  }

  void gather(int block, double ready) {
    if (block < 0 || block >= in_.program.blocks || gathered_[static_cast<std::size_t>(block)] >= 0) {
      return;
    }
    gathered_[static_cast<std::size_t>(block)] =
        communicate(weights_, CollectiveOperation::kAllGather, ChipGroup::kFsdp,
                    in_.block_weights[static_cast<std::size_t>(block)], ready);
  }

  void reduce_gradients(std::size_t block) {
    const Bytes bytes = in_.block_gradients[block];
    double end = communicate(weights_, CollectiveOperation::kReduceScatter, ChipGroup::kFsdp, bytes, compute_);
    end = communicate(weights_, CollectiveOperation::kAllReduce, ChipGroup::kData,
                      Bytes(ceil_div(bytes.count(), in_.parallel.fsdp)), end);
    reduced_[block] = end;
  }

  void run_step(std::size_t i, const ProgramStep& step) {
    const double duration = in_.kernels[i].count();
    times_.compute += Seconds(duration);
    double ready = compute_;
    if (step.phase == Phase::kOptimizer) {
      ready = std::max(ready, reduced_[block_of(step)]);
    }
    for (const Collective& c : step.beside) {
      ready = std::max(ready, communicate(tensor_, operation_of(c.kind), c.group, bytes_of(c), tensor_));
    }
    const bool chunked = in_.parallel.chunked && step.kernel.is_matrix();
    // All but the last before, and all but the first after, as a whole.
    for (std::size_t k = 0; k + 1 < step.before.size() || (!chunked && k < step.before.size()); ++k) {
      ready = communicate(tensor_, operation_of(step.before[k].kind), step.before[k].group, bytes_of(step.before[k]),
                          ready);
    }
    const Collective* before = chunked && !step.before.empty() ? &step.before.back() : nullptr;
    const Collective* after = chunked && !step.after.empty() ? &step.after.front() : nullptr;
    compute_ = product(before, after, ready, duration);
    for (std::size_t k = after != nullptr ? 1 : 0; k < step.after.size(); ++k) {
      compute_ = communicate(tensor_, operation_of(step.after[k].kind), step.after[k].group, bytes_of(step.after[k]),
                             compute_);
    }
  }

  // A product with a collective before or after it (or both), whole or in chunks. Returns when its result is there.
  double product(const Collective* before, const Collective* after, double ready, double duration) {
    double stream = tensor_;
    const double whole = [&] {
      double at = ready;
      at = before != nullptr ? std::max(at, stream) + cost(*before, 1) : at;
      at += duration;
      return after != nullptr ? at + cost(*after, 1) : at;
    }();
    const Collective* any = before != nullptr ? before : after;
    const int chunks = any != nullptr && !alone(any->group) ? chunks_of(any->group) : 1;
    double at = ready, end = whole;
    if (chunks > 1) {
      double links = std::max(stream, ready), done = ready;
      for (int k = 0; k < chunks; ++k) {
        if (before != nullptr) {
          links += cost(*before, chunks) + (k == 0 ? launch() : 0);
          at = std::max(at, links);
        }
        at += duration / chunks;
        done = at;
      }
      if (after != nullptr) {
        // Chunk k of the result is ready after k + 1 parts of the product (of a product that waits: from its end).
        const double begin = at - duration;
        double out = before != nullptr ? links : std::max(stream, ready);
        for (int k = 0; k < chunks; ++k) {
          out = std::max(out, begin + duration * (k + 1) / chunks) + cost(*after, chunks) + (k == 0 ? launch() : 0);
        }
        done = out;
      }
      end = std::min(whole, done);
    }
    const bool cut = end < whole;
    for (const Collective* c : {before, after}) {
      if (c != nullptr && !alone(c->group)) {
        const int parts = cut ? chunks : 1;
        times_.communication += Seconds(cut ? cost(*c, parts) * parts + launch() : cost(*c, 1));
        times_.sent += sent(operation_of(c->kind), c->group, part_bytes(*c, parts)) * parts;
        ++times_.collectives;
        tensor_ = std::max(tensor_, after != nullptr ? end : end - duration);
      }
    }
    return end;
  }

  double launch() const { return in_.chip.interconnect->launch.count(); }
  Bytes part_bytes(const Collective& c, int parts) const { return Bytes(ceil_div(bytes_of(c).count(), parts)); }
  // Of one chunk; a whole one includes its launch.
  double cost(const Collective& c, int parts) {
    return alone(c.group) ? 0 : time(operation_of(c.kind), c.group, part_bytes(c, parts)) + (parts == 1 ? launch() : 0);
  }

  const ScheduleInput& in_;
  std::map<ChipGroup, std::vector<TorusAxis>> axes_;
  std::map<std::tuple<CollectiveOperation, std::vector<TorusAxis>, Bytes>, hardware::CollectiveRun> runs_;
  std::vector<double> gathered_,
      reduced_;  // by block: when its weights (-1: not on their way), its gradients are there
  std::vector<std::size_t> last_backward_;
  double compute_ = 0, tensor_ = 0, weights_ = 0;  // when each stream is free
  int current_ = -1;
  bool backwards_ = false;
  ScheduleTimes times_;
};

}  // namespace

ScheduleTimes schedule(const ScheduleInput& input) {
  return Schedule(input).run();
}

}  // namespace mantissa::study
