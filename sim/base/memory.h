// SPDX-License-Identifier: Apache-2.0
// The process's memory allocator.
#pragma once

namespace mantissa {

// Asks the allocator to keep memory that is freed for the next use, instead of giving pages back and faulting them in
// again: tensors of megabytes come and go with every operation, and where page faults are dear they cost more than the
// arithmetic. Process-wide, no effect but on speed and on how much memory stays held; later calls do nothing. Does
// nothing where the C library is not glibc.
void keep_freed_memory();

}  // namespace mantissa
