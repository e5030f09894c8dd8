// SPDX-License-Identifier: Apache-2.0
#include "chips/roofline.h"

#include <algorithm>

#include "chips/matrix_problem.h"

namespace mantissa::chips {

namespace {

// Of causal attention only the products of a query with the keys up to its own position are needed.
double needed_macs(const network::Kernel& kernel) {
  const double macs = static_cast<double>(kernel.macs().count());
  const auto* attention = std::get_if<network::AttentionWork>(&kernel.work);
  if (attention == nullptr || !attention->causal) {
    return macs;
  }
  const double q = static_cast<double>(attention->q_length), kv = static_cast<double>(attention->kv_length);
  return macs * (kv - (q - 1) / 2) / kv;
}

}  // namespace

Seconds Roofline::bound() const {
  return std::max({matrix, vector, dram});
}

Roofline roofline(const config::Chip& chip, const config::Precision& precision, const Mapper& mapper,
                  const PlacedKernel& placed, Hertz clock) {
  const network::Kernel& kernel = *placed.kernel;
  Roofline r;
  r.matrix = Seconds(needed_macs(kernel) / (mapper.peak_macs_per_cycle(kernel) * clock.count()));
  if (!kernel.is_matrix()) {
    const StreamWork work = stream_work(chip, precision, kernel);
    const double elements = static_cast<double>(work.elements), cores = chip.cores;
    r.vector =
        Seconds(elements * (work.ops / chip.vector.ops_per_cycle + work.specials / chip.vector.special_per_cycle) /
                (cores * clock.count()));
  }
  r.dram = transfer_time(placed.dram_bytes(), chip.dram.peak());
  return r;
}

}  // namespace mantissa::chips
