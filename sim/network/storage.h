// SPDX-License-Identifier: Apache-2.0
// In which form tensors lie in memory, as far as their types and origins tell: the part of lowering that does not
// depend on who reads them.
#pragma once
#include <vector>

#include "network/graph.h"
#include "network/kernel.h"

namespace mantissa::network {

// Of integers and booleans. REQUIRES: not kFloat, kDouble.
Storage integer_storage(ElementType type);

// By value: constant scales of quantized operators, scales that DynamicQuantizeLinear finds, and what is computed
// element by element from scales and constants alone. A chip keeps them in 32-bit registers.
std::vector<bool> find_scales(const Graph& graph);

}  // namespace mantissa::network
