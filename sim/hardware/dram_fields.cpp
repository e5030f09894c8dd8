// SPDX-License-Identifier: Apache-2.0
#include "hardware/dram_fields.h"

#include <algorithm>
#include <array>
#include <bit>
#include <sstream>
#include <string>

#include "base/error.h"

namespace mantissa::hardware {
namespace {

constexpr std::array<const char*, 6> kWords = {"row", "bank", "column", "bank_group", "pseudo_channel", "channel"};

[[noreturn]] void refuse(const std::string& mapping, const std::string& why) {
  throw ModelError("dram", "mapping '" + mapping + "': " + why);
}

unsigned bits_of(std::int64_t count, const char* what) {
  if (count <= 0 || !std::has_single_bit(static_cast<std::uint64_t>(count))) {
    throw ModelError("dram", std::string(what) + " is " + std::to_string(count) + "; the mapping needs a power of two");
  }
  return static_cast<unsigned>(std::countr_zero(static_cast<std::uint64_t>(count)));
}

// The bits after "name:", -1 where there are none.
int bits_after_colon(const std::string& mapping, const std::string& word, std::size_t colon) {
  if (colon == std::string::npos) {
    return -1;
  }
  const std::string digits = word.substr(colon + 1);
  if (digits.empty() || digits.size() > 2 || digits.find_first_not_of("0123456789") != std::string::npos ||
      std::stoi(digits) > 40) {
    refuse(mapping, "'" + word + "' needs a number of bits up to 40 after the colon");
  }
  return std::stoi(digits);
}

}  // namespace

DramFields::DramFields(const config::Dram& dram) : xor_(dram.mapping_xor) {
  channels_ = static_cast<std::uint64_t>(dram.channels);
  power_of_two_ = std::has_single_bit(channels_);
  burst_shift_ = bits_of(dram.burst.count(), "burst_bytes");
  width_[kBank] = bits_of(dram.banks_per_group, "banks_per_group");
  bank_fold_ = bits_of(dram.banks_per_group / std::max(1, dram.stack_ids), "banks_per_group / stack_ids");
  width_[kColumn] = bits_of(dram.page.count() / dram.burst.count(), "page_bytes / burst_bytes");
  width_[kBankGroup] = bits_of(dram.bank_groups, "bank_groups");
  width_[kPseudoChannel] = bits_of(dram.pseudo_channels, "pseudo_channels");
  width_[kChannel] = static_cast<unsigned>(std::bit_width(channels_ - 1));
  parse(dram);
}

void DramFields::parse(const config::Dram& dram) {
  const std::string& mapping = dram.mapping;
  std::array<unsigned, kNames> given{};
  std::array<int, kNames> open{};  // index of the field without a number, -1: none
  open.fill(-1);
  std::istringstream words(mapping);
  for (std::string word; words >> word;) {
    const std::size_t colon = word.find(':');
    std::size_t name = 0;
    while (name < kNames && word.substr(0, colon) != kWords[name]) {
      ++name;
    }
    if (name == kNames) {
      refuse(mapping, "'" + word + "' is none of row, bank, column, bank_group, pseudo_channel, channel");
    }
    const int bits = bits_after_colon(mapping, word, colon);
    if (bits < 0 && open[name] >= 0) {
      refuse(mapping, "'" + word + "' stands twice without a number of bits");
    }
    if (bits < 0) {
      open[name] = static_cast<int>(fields_.size());
    } else {
      given[name] += static_cast<unsigned>(bits);
    }
    fields_.push_back({static_cast<Name>(name), bits < 0 ? 0U : static_cast<unsigned>(bits), 0, 0});
  }
  if (fields_.empty() || fields_.front().name != kRow || open[kRow] != 0) {
    refuse(mapping, "must begin with 'row'");
  }
  for (std::size_t name = kBank; name < kNames; ++name) {
    if (given[name] > width_[name] || (open[name] < 0 && given[name] != width_[name])) {
      refuse(mapping, "gives " + std::to_string(given[name]) + " bits to " + kWords[name] + ", which has " +
                          std::to_string(width_[name]));
    }
    if (open[name] >= 0) {
      fields_[static_cast<std::size_t>(open[name])].bits = width_[name] - given[name];
    }
  }
  fields_.front().bits = 40;
  std::reverse(fields_.begin(), fields_.end());
  std::array<unsigned, kNames> filled{};
  contiguous_ = std::int64_t{1} << (burst_shift_ + (fields_.front().name == kColumn ? fields_.front().bits : 0));
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    Field& f = fields_[i];
    f.shift = filled[f.name];
    filled[f.name] += f.bits;
    if (f.name == kChannel && !power_of_two_) {
      if (f.bits != width_[kChannel]) {
        refuse(mapping, "a number of channels that is no power of two needs 'channel' in one piece");
      }
      f.radix = channels_;
    }
    if (f.name == kChannel || f.name == kPseudoChannel || f.name == kBankGroup) {
      last_spread_ = i;
    }
  }
}

void DramFields::fold(std::uint64_t* value, std::uint64_t above) const {
  value[kBank] ^= fold_bits(value[kRow], bank_fold_);
  value[kBankGroup] ^= fold_bits(above >> 1, width_[kBankGroup]);
  value[kPseudoChannel] ^= fold_bits(above, width_[kPseudoChannel]);
  if (power_of_two_) {
    value[kChannel] ^= fold_bits(above, width_[kChannel]);
  } else {
    value[kChannel] = (value[kChannel] + (above * 40503U & 0xffffU) * channels_ / 65536U) % channels_;
  }
}

DramPlace DramFields::locate(std::uint64_t address) const {
  std::uint64_t value[kNames] = {};
  std::uint64_t rest = address >> burst_shift_, above = 0;
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    const Field& f = fields_[i];
    if (f.radix != 0) {
      value[f.name] |= rest % f.radix << f.shift;
      rest /= f.radix;
    } else {
      value[f.name] |= (rest & ((std::uint64_t{1} << f.bits) - 1)) << f.shift;
      rest >>= f.bits;
    }
    if (i == last_spread_) {
      above = rest;
    }
  }
  if (xor_) {
    fold(value, above);
  }
  return {static_cast<int>(value[kChannel]),      static_cast<int>(value[kPseudoChannel]),
          static_cast<int>(value[kBankGroup]),    static_cast<int>(value[kBank]),
          static_cast<std::int32_t>(value[kRow]), static_cast<std::int32_t>(value[kColumn])};
}

}  // namespace mantissa::hardware
