// SPDX-License-Identifier: Apache-2.0
// How the C library's heap behaves in processes that live for some milliseconds. No result depends on it. Private to
// study/isolate.
#pragma once

namespace mantissa::study {

// Before children are forked: free memory goes back to the system, so that a child need not copy it to use it.
void release_memory();

// In a child, which frees little and ends soon: memory comes in one piece and is kept. Page by page it would cost as
// much as the child's own work.
void keep_memory();

}  // namespace mantissa::study
