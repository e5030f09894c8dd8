// SPDX-License-Identifier: Apache-2.0
#include "chips/mapper.h"

namespace mantissa::chips {

Mappers::Mappers(const config::Chip& chip, const config::PrecisionPlan& plan) : plan_(plan) {
  const auto add = [&](const config::Precision& precision) {
    const auto [at, inserted] = entries_.try_emplace(&precision);
    if (inserted) {
      at->second.precision = precision;
      at->second.precision.vector = plan.base().vector;
      at->second.mapper = make_mapper(chip, at->second.precision);
    }
  };
  add(plan.base());
  for (const auto& [node, precision] : plan.nodes()) {
    add(*precision);
  }
}

const Mappers::Entry& Mappers::find(const network::Kernel& kernel) const {
  return entries_.at(kernel.is_matrix() ? &plan_.of(kernel.name) : &plan_.base());
}

const config::Precision& Mappers::precision(const network::Kernel& kernel) const {
  return find(kernel).precision;
}

const Mapper& Mappers::mapper(const network::Kernel& kernel) const {
  return *find(kernel).mapper;
}

}  // namespace mantissa::chips
