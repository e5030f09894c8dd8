// SPDX-License-Identifier: Apache-2.0
// Text helpers for messages.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mantissa {

// The candidate closest to `word` by edit distance, if it is close enough to be a slip of the finger; else empty.
std::string nearest(std::string_view word, std::span<const std::string> candidates);

// "; did you mean 'cols'?" or "; known: a, b, c" (at most `most` of them): the tail of an unknown-name message.
std::string suggestion(std::string_view word, std::span<const std::string> candidates, std::size_t most = 12);

}  // namespace mantissa
