// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"

#include <cstdlib>
#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace mantissa {

void keep_freed_memory() {
#ifdef __GLIBC__
  // The largest threshold that glibc takes; larger blocks are mapped one by one.
  static const bool done = mallopt(M_MMAP_THRESHOLD, 32 << 20) != 0 && mallopt(M_TRIM_THRESHOLD, 1 << 30) != 0;
  (void)done;
#endif
}

}  // namespace mantissa
