// SPDX-License-Identifier: Apache-2.0
#include "study/version.h"

#include "version_text.h"  // written by cmake/version.cmake when the program is built

namespace mantissa::study {

std::string version() {
  return MANTISSA_VERSION;
}

}  // namespace mantissa::study
