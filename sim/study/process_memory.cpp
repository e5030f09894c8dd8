// SPDX-License-Identifier: Apache-2.0
#include "study/process_memory.h"

#include <malloc.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>

namespace mantissa::study {

void release_memory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

void keep_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_TOP_PAD, 1 << 20);
#ifdef MADV_POPULATE_WRITE
  constexpr std::uintptr_t kBytes = 2 << 20, kPage = 4096;
  void* const block = malloc(kBytes);
  const auto at = (reinterpret_cast<std::uintptr_t>(block) + kPage - 1) & ~(kPage - 1);
  if (block != nullptr) {
    madvise(reinterpret_cast<void*>(at), kBytes - kPage, MADV_POPULATE_WRITE);  // where it fails, pages come as needed
  }
  free(block);
#endif
#endif
}

}  // namespace mantissa::study
