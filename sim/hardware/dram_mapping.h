// SPDX-License-Identifier: Apache-2.0
// Where an address lies in a DRAM: which pseudo-channel, and where inside it. From the least significant end:
//   interleave block | pseudo-channel (all channels) | bank group (64-byte lines) | column | bank | row
// so that a stream first spreads over all pseudo-channels, then over the bank groups of one, and then stays in open
// rows. Upper bits are folded in by XOR so that strided streams spread as well: into the pseudo-channel (by a rotation
// with a multiplicative hash where the count is no power of two), into the bank group (other groupings of the bits, so
// that the two do not move together) and, from the row, into the bank. Each fold permutes its field, so the mapping is
// one to one. It costs a plain stream below 1 %: sometimes the last rows of one row number and the first of the next
// meet in one bank.
// A mapping string (dram_fields.h) takes the place of all this. Local addresses then keep the layout above without the
// folds, and a transaction is split line by line.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <vector>

#include "config/chip.h"
#include "hardware/dram_fields.h"

namespace mantissa::hardware {

class DramMapping {
 public:
  // Throws ModelError for an organisation it cannot map (sizes that are no powers of two, a line longer than a row).
  explicit DramMapping(const config::Dram& dram);

  // Calls visit(pseudo_channel, begin, end) for every pseudo-channel that [address, address + bytes) touches; begin and
  // end are addresses local to the pseudo-channel. A pseudo-channel is visited once for each interleave block of a
  // short transaction, and once in all when the transaction covers a whole stripe or more: its part is then contiguous.
  template <class Visit>
  void split(std::int64_t address, std::int64_t bytes, Visit&& visit) const;

  DramPlace locate(std::int64_t address) const;

  int pseudo_channels() const { return static_cast<int>(count_); }
  int bank_groups() const { return static_cast<int>(group_mask_) + 1; }
  int banks_per_group() const { return static_cast<int>(bank_mask_) + 1; }

  // Local addresses: a row set is the rows of equal bank and row number in all bank groups, filled line by line.
  std::int64_t row_set_bytes() const { return std::int64_t{1} << row_set_shift_; }
  std::int64_t line_of(std::int64_t local) const { return local >> line_shift_; }
  std::int64_t line_begin(std::int64_t line) const { return line << line_shift_; }
  int bursts(std::int64_t begin, std::int64_t end) const {
    return static_cast<int>(((end - 1) >> burst_shift_) - (begin >> burst_shift_)) + 1;
  }
  unsigned bank_group_of(std::int64_t line) const {
    const auto l = static_cast<std::uint64_t>(line);
    return static_cast<unsigned>((folds_ ? l ^ fold(l >> (group_bits_ + 1), group_bits_) : l) & group_mask_);
  }
  std::int32_t row_of(std::int64_t row_set) const { return static_cast<std::int32_t>(row_set >> bank_bits_); }
  unsigned bank_of(std::int64_t row_set) const {
    const auto s = static_cast<std::uint64_t>(row_set);
    return static_cast<unsigned>((folds_ ? s ^ fold(s >> bank_bits_, bank_bits_) : s) & bank_mask_);
  }
  std::int64_t row_set_of(std::int64_t local) const { return local >> row_set_shift_; }

 private:
  // XOR of all `width`-bit groups of x, in the low bits (up to 32 groups).
  static std::uint64_t fold(std::uint64_t x, unsigned width) {
    if (width == 0) {
      return 0;
    }
    for (unsigned shift = width << 4; shift >= width; shift >>= 1) {
      x ^= shift < 64 ? x >> shift : 0;
    }
    return x;
  }
  std::uint32_t twist(std::uint64_t stripe) const {
    if (!folds_) {
      return 0;
    }
    if (power_of_two_) {
      return static_cast<std::uint32_t>(fold(stripe, count_bits_)) & (count_ - 1);
    }
    return static_cast<std::uint32_t>(((stripe * 40503U & 0xffffU) * count_) >> 16);
  }
  std::uint32_t place(std::uint32_t position,
                      std::uint32_t twisted) const {  // position in the stripe -> pseudo-channel
    if (power_of_two_) {
      return position ^ twisted;
    }
    const std::uint32_t sum = position + twisted;
    return sum < count_ ? sum : sum - count_;
  }
  std::uint32_t position(std::uint32_t pseudo_channel, std::uint32_t twisted) const {  // the inverse of place
    if (power_of_two_) {
      return pseudo_channel ^ twisted;
    }
    return pseudo_channel >= twisted ? pseudo_channel - twisted : pseudo_channel + count_ - twisted;
  }

  template <class Visit>
  void split_lines(std::int64_t address, std::int64_t bytes, Visit&& visit) const;

  std::optional<DramFields> fields_;  // from a mapping string
  bool folds_ = true;                 // of the mapping above
  int pseudo_per_channel_ = 1;
  std::uint32_t count_ = 1;  // pseudo-channels of all channels
  bool power_of_two_ = true;
  unsigned count_bits_ = 0, interleave_shift_ = 0, burst_shift_ = 0, line_shift_ = 0, row_set_shift_ = 0;
  unsigned group_bits_ = 0, bank_bits_ = 0;
  std::uint64_t group_mask_ = 0, bank_mask_ = 0;
};

template <class Visit>
void DramMapping::split_lines(std::int64_t address, std::int64_t bytes, Visit&& visit) const {
  struct Run {
    std::int64_t begin = 0, end = 0;
  };
  std::vector<Run> runs(count_);
  const std::int64_t line = std::int64_t{1} << line_shift_, stop = address + bytes;
  while (address < stop) {
    const std::int64_t next = std::min(stop, (address & ~(line - 1)) + line);
    const DramPlace p = fields_->locate(static_cast<std::uint64_t>(address));
    const std::int64_t set = (static_cast<std::int64_t>(p.row) << bank_bits_) | p.bank;
    const std::int64_t in_row = (static_cast<std::int64_t>(p.column) << burst_shift_) >> line_shift_;
    const std::int64_t local =
        (set << row_set_shift_) | (((in_row << group_bits_) | p.bank_group) << line_shift_) | (address & (line - 1));
    const int pc = p.channel * pseudo_per_channel_ + p.pseudo_channel;
    Run& run = runs[static_cast<std::size_t>(pc)];
    if (run.end != local || run.end == 0) {
      if (run.begin < run.end) {
        visit(pc, run.begin, run.end);
      }
      run.begin = local;
    }
    run.end = local + (next - address);
    address = next;
  }
  for (std::size_t pc = 0; pc < runs.size(); ++pc) {
    if (runs[pc].begin < runs[pc].end) {
      visit(static_cast<int>(pc), runs[pc].begin, runs[pc].end);
    }
  }
}

template <class Visit>
void DramMapping::split(std::int64_t address, std::int64_t bytes, Visit&& visit) const {
  if (fields_) {
    split_lines(address, bytes, visit);
    return;
  }
  const std::int64_t block_bytes = std::int64_t{1} << interleave_shift_;
  const std::int64_t end = address + bytes;
  const auto first = static_cast<std::uint64_t>(address) >> interleave_shift_;
  const auto last = static_cast<std::uint64_t>(end - 1) >> interleave_shift_;
  std::uint64_t stripe = first / count_;
  auto at = static_cast<std::uint32_t>(first % count_);
  std::uint32_t twisted = twist(stripe);
  const std::int64_t head = address & (block_bytes - 1);  // offset in the first block
  const std::int64_t tail =
      ((end - 1) & (block_bytes - 1)) + 1;  // bytes of the last block that are used, from its start
  if (last - first < count_) {
    for (std::uint64_t block = first; block <= last; ++block) {
      const std::int64_t base = static_cast<std::int64_t>(stripe) << interleave_shift_;
      visit(static_cast<int>(place(at, twisted)), base + (block == first ? head : 0),
            base + (block == last ? tail : block_bytes));
      if (++at == count_) {
        at = 0;
        twisted = twist(++stripe);
      }
    }
    return;
  }
  const std::uint64_t last_stripe = last / count_;
  const auto last_at = static_cast<std::uint32_t>(last % count_);
  const std::uint32_t last_twisted = twist(last_stripe);
  const std::int64_t base = static_cast<std::int64_t>(stripe) << interleave_shift_;
  const std::int64_t last_base = static_cast<std::int64_t>(last_stripe) << interleave_shift_;
  for (std::uint32_t pc = 0; pc < count_; ++pc) {
    const std::uint32_t p = position(pc, twisted);
    const std::uint32_t q = position(pc, last_twisted);
    const std::int64_t begin_local = p < at ? base + block_bytes : base + (p == at ? head : 0);
    const std::int64_t end_local = q > last_at ? last_base : last_base + (q == last_at ? tail : block_bytes);
    if (begin_local < end_local) {
      visit(static_cast<int>(pc), begin_local, end_local);
    }
  }
}

}  // namespace mantissa::hardware
