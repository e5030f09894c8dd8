// SPDX-License-Identifier: Apache-2.0
#include "network/grid.h"

#include <algorithm>
#include <numeric>

#include "network/op.h"

namespace mantissa::network {
namespace {

bool known(std::span<const Value* const> inputs, std::size_t i) {
  return i < inputs.size() && inputs[i] != nullptr && inputs[i]->constant != nullptr;
}

int index_of(std::int64_t axis, std::size_t rank) {
  return static_cast<int>(axis < 0 ? axis + static_cast<std::int64_t>(rank) : axis);
}

std::shared_ptr<const Grid> dequantized(const Node& node, std::span<const Value* const> inputs) {
  const Value& codes = *inputs[0];
  const bool bytes = codes.type == ElementType::kInt8 || codes.type == ElementType::kUint8;
  const bool has_zero = inputs.size() > 2 && inputs[2] != nullptr;
  if (!bytes || !known(inputs, 1) || (has_zero && !known(inputs, 2))) {
    return nullptr;
  }
  const auto scales = inputs[1]->constant->floats();
  auto grid = std::make_shared<Grid>();
  grid->type = codes.type;
  grid->scales.assign(scales.begin(), scales.end());
  grid->zero_points.assign(scales.size(), 0);
  if (has_zero) {
    const auto zeros = inputs[2]->constant->ints();
    grid->zero_points.assign(zeros.begin(), zeros.end());
  }
  if (scales.size() > 1) {
    grid->axis = index_of(node.integer("axis", 1), codes.shape.size());
  }
  return grid;
}

std::shared_ptr<const Grid> transposed(const Node& node, const Value& input) {
  if (input.grid->axis < 0) {
    return input.grid;
  }
  std::vector<std::int64_t> order(input.shape.size());
  std::iota(order.rbegin(), order.rend(), 0);
  order = node.integers("perm", order);
  auto grid = std::make_shared<Grid>(*input.grid);
  grid->axis = static_cast<int>(std::ranges::find(order, std::int64_t{input.grid->axis}) - order.begin());
  return grid;
}

}  // namespace

std::shared_ptr<const Grid> grid_of(const Node& node, std::span<const Value* const> inputs) {
  if (inputs.empty() || inputs[0] == nullptr) {
    return nullptr;
  }
  if (node.op == Op::kDequantizeLinear) {
    return dequantized(node, inputs);
  }
  if (inputs[0]->grid == nullptr) {
    return nullptr;
  }
  switch (node.op) {
    case Op::kIdentity:
    case Op::kDropout:
    case Op::kRelu:
    case Op::kMaxPool:
      return inputs[0]->grid->axis <= 1 ? inputs[0]->grid : nullptr;  // a pool keeps batch and channels
    case Op::kTranspose:
      return transposed(node, *inputs[0]);
    case Op::kReshape:
    case Op::kFlatten:
    case Op::kSqueeze:
    case Op::kUnsqueeze:
    case Op::kSplit:
    case Op::kSlice:
    case Op::kExpand:
    case Op::kTile:
    case Op::kGather:
    case Op::kDepthToSpace:
    case Op::kSpaceToDepth:
      return inputs[0]->grid->axis < 0 ? inputs[0]->grid : nullptr;
    default:
      return nullptr;
  }
}

}  // namespace mantissa::network
