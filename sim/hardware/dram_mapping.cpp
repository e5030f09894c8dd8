// SPDX-License-Identifier: Apache-2.0
#include "hardware/dram_mapping.h"

#include <string>

#include "base/error.h"

namespace mantissa::hardware {
namespace {

constexpr std::int64_t kLineBytes =
    64;  // bytes in one bank group before the next, as the controllers of the reference runs map

unsigned log2_of(std::int64_t value, const char* what) {
  if (value <= 0 || !std::has_single_bit(static_cast<std::uint64_t>(value))) {
    throw ModelError("dram",
                     std::string(what) + " is " + std::to_string(value) + "; the address mapping needs a power of two");
  }
  return static_cast<unsigned>(std::countr_zero(static_cast<std::uint64_t>(value)));
}

}  // namespace

DramMapping::DramMapping(const config::Dram& dram) {
  if (dram.channels < 1 || dram.pseudo_channels < 1) {
    throw ModelError("dram", "needs at least one channel of one pseudo-channel");
  }
  count_ = static_cast<std::uint32_t>(dram.channels) * static_cast<std::uint32_t>(dram.pseudo_channels);
  power_of_two_ = std::has_single_bit(count_);
  count_bits_ = static_cast<unsigned>(std::bit_width(count_ - 1));
  interleave_shift_ = log2_of(dram.interleave.count(), "interleave_bytes");
  burst_shift_ = log2_of(dram.burst.count(), "burst_bytes");
  group_bits_ = log2_of(dram.bank_groups, "bank_groups");
  bank_bits_ = log2_of(dram.banks_per_group, "banks_per_group");
  row_set_shift_ = log2_of(dram.page.count(), "page_bytes") + group_bits_;
  if (interleave_shift_ < burst_shift_) {
    throw ModelError("dram", "interleave_bytes is smaller than burst_bytes");
  }
  line_shift_ = log2_of(std::max(dram.burst.count(), std::min(dram.interleave.count(), kLineBytes)), "line");
  if (line_shift_ + group_bits_ > row_set_shift_) {
    throw ModelError("dram", "page_bytes is smaller than one 64-byte line");
  }
  folds_ = dram.mapping_xor;
  pseudo_per_channel_ = dram.pseudo_channels;
  if (!dram.mapping.empty()) {
    fields_.emplace(dram);
    folds_ = false;
    line_shift_ = log2_of(fields_->contiguous_bytes(), "line");
  }
  group_mask_ = (std::uint64_t{1} << group_bits_) - 1;
  bank_mask_ = (std::uint64_t{1} << bank_bits_) - 1;
}

DramPlace DramMapping::locate(std::int64_t address) const {
  if (fields_) {
    return fields_->locate(static_cast<std::uint64_t>(address));
  }
  DramPlace place;
  split(address, 1, [&](int pc, std::int64_t begin, std::int64_t) {
    const std::int64_t line = line_of(begin), set = row_set_of(begin);
    const std::int64_t in_set = line & ((std::int64_t{1} << (row_set_shift_ - line_shift_)) - 1);
    const std::int64_t in_line = begin & ((std::int64_t{1} << line_shift_) - 1);
    place = {pc / pseudo_per_channel_,
             pc % pseudo_per_channel_,
             static_cast<int>(bank_group_of(line)),
             static_cast<int>(bank_of(set)),
             row_of(set),
             static_cast<std::int32_t>((((in_set >> group_bits_) << line_shift_) | in_line) >> burst_shift_)};
  });
  return place;
}

}  // namespace mantissa::hardware
