// SPDX-License-Identifier: Apache-2.0
// What the operator families share: refusing with a message, reading inputs and attributes, axes, broadcasting,
// allocation.
#pragma once
#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "network/op.h"

namespace mantissa::network::ops {

using Dim = std::int64_t;
using Values = std::span<const Value* const>;
using Tensors = std::span<const Tensor* const>;
using Types = std::vector<TensorType>;

constexpr Dim kMaxElements =
    Dim{1} << 31;  // of a tensor that is computed; larger ones are refused before they are allocated
constexpr Dim kMaxDim =
    Dim{1} << 40;  // of dimensions, strides, pads ...: sums and products of two of them cannot overflow

inline std::size_t idx(Dim i) {
  return static_cast<std::size_t>(i);
}
inline Dim len(std::size_t n) {
  return static_cast<Dim>(n);
}

template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw OpError(fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void require(bool condition, fmt::format_string<Args...> format, Args&&... args) {
  if (!condition) {
    fail(format, std::forward<Args>(args)...);
  }
}

template <class T>
bool has(std::span<const T* const> inputs, std::size_t i) {
  return i < inputs.size() && inputs[i] != nullptr;
}
// The i-th input; throws OpError if it is absent.
const Value& need(Values inputs, std::size_t i);
const Tensor& need(Tensors inputs, std::size_t i);

// "float", "int64" ... as messages write types.
std::string_view type_name(ElementType type);
bool is_float(ElementType type);    // kFloat, kDouble
bool is_integer(ElementType type);  // not bool
void require_float(const Value& value, const char* what);
void require_kfloat(const Value& value, const char* what);  // single precision only: matrix operations
void require_number(const Value& value, const char* what);  // float or integer
ElementType from_onnx_type(Dim type);                       // TensorProto.DataType; throws for types that are not kept

// -rank <= axis < rank, as an index.
std::size_t axis_in(Dim axis, std::size_t rank);
// Distinct axes of a tensor of this rank.
std::vector<std::size_t> axes_in(const std::vector<Dim>& axes, std::size_t rank);

// The constant behind an input; `what` names it in the message if it is not known at import.
const Tensor& constant(Values inputs, std::size_t i, const char* what);
std::vector<Dim> constant_ints(Values inputs, std::size_t i, const char* what);
std::vector<double> constant_reals(Values inputs, std::size_t i, const char* what);
// A list that moved from an attribute to an input over the versions; `found` tells whether either is there.
std::vector<Dim> list_of(const Node& node, Values inputs, std::size_t i, const char* name, bool& found);

std::size_t output_count(const Node& node);
bool wants_output(const Node& node, std::size_t i);  // listed and not the absent value
// Product of dims in [begin, end); REQUIRES: the whole shape has a checked element count.
Dim product(const Shape& shape, std::size_t begin, std::size_t end);
// Throws OpError unless all dimensions are >= 0 and the count of elements is below 2^62.
Dim checked_count(const Shape& shape);
std::vector<Dim> strides_of(const Shape& shape);

// The shape of an element-wise result; throws OpError if the shapes do not broadcast.
Shape broadcast(const Shape& a, const Shape& b);
// Strides with which a tensor of shape `from` is read in the order of `to` (0 where it repeats). REQUIRES: broadcasts
// to it.
std::vector<Dim> broadcast_strides(const Shape& from, const Shape& to);

// What `infer` promises for these inputs. Evaluations start here or with allocate(): indices that infer has checked are
// then safe.
Types result_types(const Node& node, Tensors inputs);
// Such outputs, zeroed.
std::vector<Tensor> allocate(const Node& node, Tensors inputs);

// Wraps an integer to the range of its type, as the machine's arithmetic does.
Dim wrap(ElementType type, Dim value);

// One walk over `shape`: for each run of the innermost loop calls row(output offset, offsets of the operands, run
// length). Adjacent dimensions are merged where all operands allow. Operand i advances by inner_strides()[i] per
// element within a run.
class Walk {
 public:
  Walk(const Shape& shape, std::vector<std::vector<Dim>> strides);
  const std::vector<Dim>& inner_strides() const { return inner_; }

  template <class Row>
  void run(Row&& row) {
    if (empty_) {
      return;
    }
    std::vector<Dim> index(shape_.size(), 0), offset(inner_.size(), 0);
    for (Dim out = 0;; out += run_) {
      row(out, std::span<const Dim>(offset), run_);
      std::size_t d = shape_.size();
      while (d-- > 0) {
        if (++index[d] < shape_[d]) {
          for (std::size_t i = 0; i < offset.size(); ++i) {
            offset[i] += strides_[i][d];
          }
          break;
        }
        for (std::size_t i = 0; i < offset.size(); ++i) {
          offset[i] -= strides_[i][d] * (shape_[d] - 1);
        }
        index[d] = 0;
      }
      if (d == std::numeric_limits<std::size_t>::max()) {
        return;
      }
    }
  }

 private:
  Shape shape_;                            // without the innermost dimension
  std::vector<std::vector<Dim>> strides_;  // of each operand over shape_
  std::vector<Dim> inner_;
  Dim run_ = 1;
  bool empty_ = false;
};

// out[i] = in[offset + i . strides] in the order of out's shape: the core of most movement operators. All data types.
void copy_strided(const Tensor& in, Dim offset, const std::vector<Dim>& strides, Tensor& out);

// Calls body(vector of in, vector of out) with the typed data; REQUIRES: both hold the same alternative.
template <class Body>
void visit_pair(const Tensor& in, Tensor& out, Body&& body) {
  std::visit(
      [&](const auto& source) {
        using Vector = std::decay_t<decltype(source)>;
        body(source, std::get<Vector>(out.data));
      },
      in.data);
}

// One number of any numeric tensor.
double real_at(const Tensor& tensor, Dim i);

}  // namespace mantissa::network::ops
