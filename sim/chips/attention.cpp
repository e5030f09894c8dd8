// SPDX-License-Identifier: Apache-2.0
#include "chips/attention.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "base/error.h"
#include "chips/matrix_problem.h"

namespace mantissa::chips {
namespace {

constexpr double kSoftmaxOps = 5;  // per score: scale, running maximum, subtract, sum, rescale

// Where a core is in its work: item = (batch, key-value head, query block, split of the keys), then a block of keys.
struct Cursor {
  std::int64_t item = -1, block = 0;
};

struct Plan {
  network::AttentionWork work;
  std::int64_t rows = 0;  // query rows that share one key-value head: q_length x heads / kv_heads
  std::int64_t query_blocks = 0, splits = 1, key_blocks = 0;  // key blocks of one split
  std::int64_t items() const { return work.batch * work.kv_heads * query_blocks * splits; }
};

Plan make_plan(const config::Chip& chip, const network::AttentionWork& work, const AttentionBlocks& blocks) {
  Plan plan{work, 0, 0, 1, 0};
  plan.rows = work.q_length * (work.heads / work.kv_heads);
  plan.query_blocks = ceil_div(plan.rows, blocks.queries);
  const std::int64_t all_key_blocks = ceil_div(work.kv_length, blocks.keys);
  // Too few query blocks for the cores (decoding): split the keys, as flash decoding does.
  plan.splits = std::clamp<std::int64_t>(chip.cores / std::max<std::int64_t>(1, plan.items()), 1, all_key_blocks);
  plan.key_blocks = ceil_div(all_key_blocks, plan.splits);
  return plan;
}

}  // namespace

MappedKernel map_attention(const config::Chip& chip, const PlacedKernel& kernel, const AttentionBlocks& blocks) {
  const auto& work = std::get<network::AttentionWork>(kernel.kernel->work);
  check(kernel.reads.size() >= 3 && !kernel.writes.empty(), "attention reads Q, K, V");
  const Plan plan = make_plan(chip, work, blocks);
  const Stream q = kernel.reads[0], k = kernel.reads[1], v = kernel.reads[2], out = kernel.writes[0];
  MappedKernel mapped;
  mapped.mapping = fmt::format("{} query rows x {} keys, keys split in {}", std::min(plan.rows, blocks.queries),
                               blocks.keys, plan.splits);
  mapped.schedule.depth = chip.staging.depth;
  auto cursors = std::make_shared<std::vector<Cursor>>(static_cast<std::size_t>(chip.cores));
  const std::int64_t cores = chip.cores;
  const std::int64_t heads = work.batch * work.kv_heads;
  mapped.schedule.next = [=](int core, hardware::TileTask& task) {
    Cursor& at = (*cursors)[static_cast<std::size_t>(core)];
    while (true) {
      if (at.item < 0 || at.block == plan.key_blocks) {
        at = {at.item < 0 ? core : at.item + cores, 0};
      }
      if (at.item >= plan.items()) {
        return false;
      }
      const std::int64_t split = at.item % plan.splits, query_block = at.item / plan.splits % plan.query_blocks;
      const std::int64_t head = at.item / plan.splits / plan.query_blocks;
      const std::int64_t block = at.block++, key_block = split * plan.key_blocks + block;
      const Range rows = block_range(plan.rows, blocks.queries, query_block);
      const Range keys = block_range(work.kv_length, blocks.keys, key_block);
      const bool last = block + 1 == plan.key_blocks;
      // MODEL: of a causal block row only the blocks up to the diagonal are visited; the diagonal block counts whole.
      const std::int64_t last_position = rows.end * work.kv_heads / work.heads + work.kv_length - work.q_length;
      const bool visible = keys.size() > 0 && (!work.causal || keys.begin <= last_position);
      if (!visible && !last) {
        continue;
      }
      if (visible) {
        const Macs product(rows.size() * keys.size() * work.head_dim);
        task.matrix = blocks.cycles(rows.size(), keys.size(), work.head_dim) +
                      blocks.cycles(rows.size(), work.head_dim, keys.size());
        task.macs = product * 2;
        task.mac_slots =
            Macs(static_cast<std::int64_t>(static_cast<double>(task.matrix.count()) * blocks.macs_per_core_cycle));
        const double scores = static_cast<double>(rows.size() * keys.size());
        task.epilogue = vector_cycles(chip.vector, scores * kSoftmaxOps, scores);
        task.vector_ops = scores * kSoftmaxOps;
        task.special_ops = scores;
        const std::int64_t whole = heads * ceil_div(work.kv_length, blocks.keys);
        const std::int64_t part = head * ceil_div(work.kv_length, blocks.keys) + key_block;
        task.add_load(part_of(k, part, whole));
        task.add_load(part_of(v, part, whole));
        task.staging_read = task.loads[0].bytes + task.loads[1].bytes;
      }
      if (block == 0) {
        task.add_load(part_of(q, head * plan.query_blocks + query_block, heads * plan.query_blocks));
      }
      task.has_results = true;
      if (last) {
        task.store = part_of(out, head * plan.query_blocks + query_block, heads * plan.query_blocks);
      }
      return true;
    }
  };
  return mapped;
}

}  // namespace mantissa::chips
