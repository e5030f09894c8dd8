// SPDX-License-Identifier: Apache-2.0
// Reads what a sweep file says of its search: method, derived values, constraints, objectives, time limit. Private to
// the sweep reader.
#pragma once
#include "config/sweep.h"

namespace mantissa::config {

// Into the sweep. Gives the node of `constraints`, missing where there are none.
YamlNode read_sweep_design(MapReader& reader, Sweep& sweep);

}  // namespace mantissa::config
