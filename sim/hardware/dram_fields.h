// SPDX-License-Identifier: Apache-2.0
// An address mapping written as a string of fields, from the most significant to the least: "row bank column bank_group
// pseudo_channel channel column:1". A field with ":N" takes N bits there; one field of a name may stand without a
// number and takes the bits that are left of it. Below the last field lie the bytes of one burst.
// With XOR folding, all bits above the highest of channel, pseudo_channel and bank_group are folded into each of the
// three (in groups of its width; for the bank group from the second bit on, so that it does not move together with the
// others), and the row into the bank, stack ID excepted: strided streams then spread as plain ones do. Each fold
// permutes its field, so the mapping stays one to one.
#pragma once
#include <cstdint>
#include <vector>

#include "config/chip.h"

namespace mantissa::hardware {

struct DramPlace {
  int channel = 0, pseudo_channel = 0, bank_group = 0;
  int bank = 0;                      // in its group
  std::int32_t row = 0, column = 0;  // column: in bursts
};

// XOR of all `width`-bit groups of x.
inline std::uint64_t fold_bits(std::uint64_t x, unsigned width) {
  if (width == 0) {
    return 0;
  }
  std::uint64_t sum = 0;
  for (; x != 0; x >>= width) {
    sum ^= x & ((std::uint64_t{1} << width) - 1);
  }
  return sum;
}

class DramFields {
 public:
  // REQUIRES: dram.mapping is not empty. Throws ModelError for a string that does not describe this organisation.
  explicit DramFields(const config::Dram& dram);
  DramPlace locate(std::uint64_t address) const;
  // Bytes that stay in one row of one bank at least: the lowest column bits.
  std::int64_t contiguous_bytes() const { return contiguous_; }

 private:
  enum Name { kRow, kBank, kColumn, kBankGroup, kPseudoChannel, kChannel, kNames };
  struct Field {  // from the least significant
    Name name = kRow;
    unsigned bits = 0, shift = 0;  // shift: of these bits in the named number
    std::uint64_t radix = 0;       // 0: 1 << bits
  };
  void parse(const config::Dram& dram);
  void fold(std::uint64_t* value, std::uint64_t above) const;

  std::vector<Field> fields_;
  std::size_t last_spread_ = 0;  // the highest field of channel, pseudo_channel, bank_group
  unsigned width_[kNames] = {};
  std::uint64_t channels_ = 1;
  bool xor_ = false, power_of_two_ = true;
  unsigned burst_shift_ = 0, bank_fold_ = 0;
  std::int64_t contiguous_ = 0;
};

}  // namespace mantissa::hardware
