// SPDX-License-Identifier: Apache-2.0
// A network: operators in topological order over values with known shapes. The importer leaves nothing open: every
// value has a type and a shape, every operator is one of the table in network/op.h, constants carry data (or, in
// shape-only networks, are marked as parameters without data).
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace mantissa::network {

using Shape = std::vector<std::int64_t>;

// Elements of a shape. Throws std::overflow_error beyond 2^62 (zeros not counted) and for negative dimensions.
std::int64_t element_count(const Shape& shape);
std::string to_string(const Shape& shape);  // "1x64x56x56"

enum class ElementType {
  kFloat,
  kDouble,
  kInt64,
  kInt32,
  kInt16,
  kInt8,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kBool,
  kString
};

// Dense, row-major data. Float tensors hold floats; integers of every width and booleans hold int64; doubles hold
// double.
struct Tensor {
  ElementType type = ElementType::kFloat;
  Shape shape;
  std::variant<std::vector<float>, std::vector<std::int64_t>, std::vector<double>, std::vector<std::string>> data;

  std::span<const float> floats() const { return std::get<std::vector<float>>(data); }
  std::span<float> floats() { return std::get<std::vector<float>>(data); }
  std::span<const std::int64_t> ints() const { return std::get<std::vector<std::int64_t>>(data); }
  std::span<std::int64_t> ints() { return std::get<std::vector<std::int64_t>>(data); }
  static Tensor zeros(ElementType type, Shape shape);
};

// The numbers that a quantized tensor can hold: (code - zero point) * scale, with 8-bit codes. One scale and zero point
// for the tensor, or one for each index of `axis`.
struct Grid {
  ElementType type = ElementType::kInt8;  // of the codes: kInt8, kUint8
  int axis = -1;                          // -1: one for the tensor
  std::vector<float> scales;
  std::vector<std::int64_t> zero_points;  // as many
};

using ValueId = int;  // index into Graph::values; -1: an optional input that is absent

struct Value {
  std::string name;
  ElementType type = ElementType::kFloat;
  Shape shape;
  bool parameter = false;                      // a weight; `constant` holds its data unless the network is shape-only
  std::shared_ptr<const Tensor> constant;      // known at import time (weights, folded shape arithmetic)
  std::shared_ptr<const Grid> grid = nullptr;  // floats that the file has quantized (network/grid.h)
};

enum class Op : int;  // network/op.h

using Attribute = std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>, std::vector<float>,
                               std::vector<std::string>, std::shared_ptr<const Tensor>>;

struct Node {
  std::string name;
  Op op{};
  int opset = 17;  // version of the operator set that `attributes` follow
  std::map<std::string, Attribute> attributes;
  std::vector<ValueId> inputs, outputs;

  std::int64_t integer(const std::string& key, std::int64_t fallback) const;
  float real(const std::string& key, float fallback) const;
  std::string text(const std::string& key, const std::string& fallback) const;
  std::vector<std::int64_t> integers(const std::string& key, std::vector<std::int64_t> fallback) const;
};

struct Graph {
  std::string name;
  std::vector<Value> values;
  std::vector<Node> nodes;               // topological order
  std::vector<ValueId> inputs, outputs;  // inputs without parameters
  bool has_weights = true;               // false: shape-only; it can be timed, not executed
  std::int64_t batch = 1;
  // Trained parameters that folding removed (the scale of a batch normalization), so that counts agree with published
  // ones.
  std::int64_t folded_parameters = 0;

  // Trained parameters: weights, biases, scale and shift of normalizations; not running statistics.
  std::int64_t parameter_count() const;
  const Value& value(ValueId id) const { return values[static_cast<std::size_t>(id)]; }
};

}  // namespace mantissa::network
