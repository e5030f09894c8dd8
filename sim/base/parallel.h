// SPDX-License-Identifier: Apache-2.0
// Runs independent pieces of work on all cores. The split never changes a result: each index writes its own output.
#pragma once
#include <cstdint>
#include <functional>

namespace mantissa {

// Calls body(i) once for each i in [0, count) on up to `threads` threads (0: as many as the machine has). The first
// exception thrown by a body is rethrown here after all threads have ended.
void parallel_for(std::int64_t count, const std::function<void(std::int64_t)>& body, int threads = 0);

// From now on "all" means at most this many in this process (one of several that share a machine).
void limit_threads(int threads);

}  // namespace mantissa
