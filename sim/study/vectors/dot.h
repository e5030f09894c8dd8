// SPDX-License-Identifier: Apache-2.0
// d = c + a . b on rows of bit patterns, through a datapath: what `mantissa dot` computes. Operands are the codes of
// the datapath's operand formats, or of a wider one that the datapath rounds to them.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "numerics/datapath.h"
#include "numerics/single_dot.h"
#include "study/vectors/rows.h"

namespace mantissa::study {

// The datapath that `name` means: "h100_sxm.fp16" (a shipped chip and its datapath), "fp8_e4m3" (in the one shipped
// chip that has it), "my_chip.yaml:fp16" (in a chip file). Throws UsageError with the nearest names, ConfigError for
// mistakes in the chip file. `name` becomes the full name.
numerics::Datapath find_datapath(std::string& name);

class DotRows : public RowFunction {
 public:
  // Finds the columns a, b and c; throws ConfigError where one is missing. `operands`: the format that a and b are
  // written in, where it is not the datapath's own.
  DotRows(const numerics::Datapath& datapath, const VectorFile& file, const std::optional<numerics::Format>& operands);

  const std::vector<int>& inputs() const override { return inputs_; }
  const numerics::Format& result() const override { return datapath_.output; }
  void compute(std::span<const std::string_view> cells, std::int64_t line, RowScratch& scratch,
               std::vector<std::uint32_t>& codes) const override;

 private:
  // One operand's codes -> the values that are multiplied: decoded, rounded and flushed as the datapath does.
  class Operand {
   public:
    Operand(const numerics::Datapath& datapath, const numerics::Format& written, const numerics::Format& multiplied);
    const numerics::Format& written() const { return written_; }
    void values(std::span<const std::uint32_t> codes, std::vector<float>& values) const;

   private:
    void prepare(std::vector<float>& values) const;

    numerics::Datapath datapath_;
    numerics::Format written_, multiplied_;
    bool rounds_ = false;       // to another format than the codes have
    std::vector<float> table_;  // of all codes of formats of at most 16 bits
  };
  float initial(std::string_view cell, RowScratch& scratch) const;

  numerics::Datapath datapath_;
  std::optional<numerics::SingleDot> dot_;  // of floating-point datapaths
  Operand a_, b_;
  std::vector<int> inputs_;
};

}  // namespace mantissa::study
