// SPDX-License-Identifier: Apache-2.0
#include "network/graph.h"

#include <fmt/format.h>

#include <set>

#include "network/op.h"

namespace mantissa::network {
namespace {

template <class T>
const T* attribute(const Node& node, const std::string& key, const char* kind) {
  const auto found = node.attributes.find(key);
  if (found == node.attributes.end()) {
    return nullptr;
  }
  const T* value = std::get_if<T>(&found->second);
  if (value == nullptr) {
    throw OpError(fmt::format("attribute '{}' must be {}", key, kind));
  }
  return value;
}

}  // namespace

std::int64_t element_count(const Shape& shape) {
  constexpr std::int64_t kLimit = std::int64_t{1} << 62;
  std::int64_t count = 1;
  for (const std::int64_t dim : shape) {
    if (dim < 0) {
      throw std::overflow_error(fmt::format("shape {} has a negative dimension", to_string(shape)));
    }
    // A zero anywhere makes the tensor empty, but the product of the other dimensions must stay in range all the same.
    const std::int64_t factor = dim == 0 ? 1 : dim;
    if (count > kLimit / factor) {
      throw std::overflow_error(fmt::format("shape {} has more than 2^62 elements", to_string(shape)));
    }
    count *= factor;
  }
  for (const std::int64_t dim : shape) {
    count = dim == 0 ? 0 : count;
  }
  return count;
}

std::string to_string(const Shape& shape) {
  return shape.empty() ? "scalar" : fmt::format("{}", fmt::join(shape, "x"));
}

Tensor Tensor::zeros(ElementType type, Shape shape) {
  Tensor tensor;
  const auto count = static_cast<std::size_t>(element_count(shape));
  tensor.type = type;
  tensor.shape = std::move(shape);
  switch (type) {
    case ElementType::kFloat:
      tensor.data = std::vector<float>(count);
      break;
    case ElementType::kDouble:
      tensor.data = std::vector<double>(count);
      break;
    case ElementType::kString:
      tensor.data = std::vector<std::string>(count);
      break;
    default:
      tensor.data = std::vector<std::int64_t>(count);
      break;
  }
  return tensor;
}

std::int64_t Node::integer(const std::string& key, std::int64_t fallback) const {
  const auto* value = attribute<std::int64_t>(*this, key, "an integer");
  return value != nullptr ? *value : fallback;
}

float Node::real(const std::string& key, float fallback) const {
  const auto* value = attribute<float>(*this, key, "a number");
  return value != nullptr ? *value : fallback;
}

std::string Node::text(const std::string& key, const std::string& fallback) const {
  const auto* value = attribute<std::string>(*this, key, "a string");
  return value != nullptr ? *value : fallback;
}

std::vector<std::int64_t> Node::integers(const std::string& key, std::vector<std::int64_t> fallback) const {
  const auto* value = attribute<std::vector<std::int64_t>>(*this, key, "a list of integers");
  return value != nullptr ? *value : fallback;
}

std::int64_t Graph::parameter_count() const {
  std::int64_t count = folded_parameters;
  for (const Value& value : values) {
    count += value.parameter ? element_count(value.shape) : 0;
  }
  return count;
}

}  // namespace mantissa::network
