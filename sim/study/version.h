// SPDX-License-Identifier: Apache-2.0
// Which program this is: the project's version and a hash of its sources ("0.1.0+3f2a9c01d4e5"). Equal for any compiler
// and machine; a result that is kept is used again only where it is equal.
#pragma once
#include <string>

namespace mantissa::study {

std::string version();

}  // namespace mantissa::study
