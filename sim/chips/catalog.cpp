// SPDX-License-Identifier: Apache-2.0
// The architectures that Mantissa knows. To add one: its struct in config/chip.h, a mapper in a folder here, one line
// below.
#include "chips/ane/ane_mapper.h"
#include "chips/hopper/hopper_mapper.h"
#include "chips/mapper.h"
#include "chips/tpu/tpu_mapper.h"

namespace mantissa::chips {
namespace {

struct MakeMapper {
  const config::Chip& chip;
  const config::Precision& precision;
  std::unique_ptr<Mapper> operator()(const config::Ane&) const {
    return std::make_unique<ane::AneMapper>(chip, precision);
  }
  std::unique_ptr<Mapper> operator()(const config::Tpu&) const {
    return std::make_unique<tpu::TpuMapper>(chip, precision);
  }
  std::unique_ptr<Mapper> operator()(const config::Hopper&) const {
    return std::make_unique<hopper::HopperMapper>(chip, precision);
  }
};

}  // namespace

std::unique_ptr<Mapper> make_mapper(const config::Chip& chip, const config::Precision& precision) {
  return std::visit(MakeMapper{chip, precision}, chip.architecture);
}

}  // namespace mantissa::chips
