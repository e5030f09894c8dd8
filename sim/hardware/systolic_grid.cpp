// SPDX-License-Identifier: Apache-2.0
#include "hardware/systolic_grid.h"

#include <algorithm>
#include <string>

namespace mantissa::hardware {

template <class Operand, class Sum>
SystolicGrid<Operand, Sum>::SystolicGrid(const SystolicShape& shape, int group, Step step)
    : shape_(shape), group_(group), step_(std::move(step)) {
  if (shape.rows < 1 || shape.cols < 1 || shape.weight_rows_per_cycle < 1) {
    throw ModelError("systolic_array", "needs at least one row, one column and one weight row per cycle");
  }
  if (shape.rows % shape.weight_rows_per_cycle != 0) {
    throw ModelError("systolic_array", "weight_rows_per_cycle does not divide the number of rows");
  }
  if (group < 1 || shape.rows % group != 0) {
    throw ModelError("systolic_array",
                     "the datapath's group of " + std::to_string(group) + " does not divide the number of rows");
  }
}

template <class Operand, class Sum>
void SystolicGrid<Operand, Sum>::start(std::int64_t m, std::int64_t n, std::int64_t k, std::span<const Operand> a,
                                       std::span<const Operand> b, std::span<Sum> c) {
  check(!busy(), "SystolicGrid::start while a product is under way");
  check(m > 0 && n > 0 && k > 0, "SystolicGrid::start with an empty matrix");
  check(std::ssize(a) == m * k && std::ssize(b) == k * n && std::ssize(c) == m * n,
        "SystolicGrid::start with sizes that do not fit");
  const auto pes = static_cast<std::size_t>(rows()) * static_cast<std::size_t>(cols());
  const auto push = static_cast<std::size_t>(shape_.weight_rows_per_cycle);
  m_ = m, n_ = n, k_ = k;
  a_ = a, b_ = b, c_ = c;
  std::fill(c.begin(), c.end(), Sum{});
  n_tiles_ = ceil_div(n, cols());
  tiles_ = n_tiles_ * ceil_div(k, rows());
  rounds_.assign(static_cast<std::size_t>(m * n_tiles_ * cols()), 0);
  cells_.assign(pes, Pe{});
  pending_.assign(pes * static_cast<std::size_t>(group_), Operand{});
  pending_weights_ = pending_;
  weight_wires_.assign(pes * push, Weight{});
  stream_control_.assign(static_cast<std::size_t>(rows()), Tag{});
  sum_control_.assign(static_cast<std::size_t>(cols()), Tag{});
  load_control_.assign(push + static_cast<std::size_t>(cols()), LoadControl{});
  cycle_ = collected_ = useful_macs_ = loading_ = load_step_ = loaded_ = next_tile_ = stream_m_ = 0;
  to_collect_ = m * tiles_ * cols();
  streaming_ = false;
  load_allowed_ = true;
}

template <class Operand, class Sum>
void SystolicGrid<Operand, Sum>::tick() {
  check(busy(), "SystolicGrid::tick without work");
  sequence();
  move_weights();
  working_ = 0;
  for (int r = rows() - 1; r >= 0;
       --r) {  // from the far corner, so that each PE still sees what its neighbours held before
    for (int c = cols() - 1; c >= 0; --c) {
      move_cell(r, c);
    }
  }
  ++cycle_;
}

template <class Operand, class Sum>
void SystolicGrid<Operand, Sum>::sequence() {
  std::shift_right(stream_control_.begin(), stream_control_.end(), 1);
  std::shift_right(sum_control_.begin(), sum_control_.end(), 1);
  std::shift_right(load_control_.begin(), load_control_.end(), 1);
  sequence_stream();  // first: starting a tile frees the other plane in this very cycle
  sequence_load();
  sum_control_.front() = stream_control_.front();
}

// A tile starts when its weights are in, the rows before it went in, and the sums it goes on from are back.
template <class Operand, class Sum>
void SystolicGrid<Operand, Sum>::sequence_stream() {
  if (!streaming_ && next_tile_ < loaded_) {
    const auto first = static_cast<std::size_t>(n_tile(next_tile_) * cols());
    if (rounds_[first] == k_tile(next_tile_)) {
      streaming_ = true;
      stream_m_ = 0;
      load_allowed_ = load_allowed_ || shape_.double_buffered;
    }
  }
  if (!streaming_) {
    stream_control_.front() = Tag{};
    return;
  }
  stream_control_.front() = Tag{true, next_tile_, stream_m_};
  if (++stream_m_ == m_) {
    streaming_ = false;
    ++next_tile_;
  }
}

template <class Operand, class Sum>
void SystolicGrid<Operand, Sum>::sequence_load() {
  const bool drained = !shape_.double_buffered && collected_ == loading_ * m_ * cols();
  if (load_step_ == 0 && (loading_ == tiles_ || (shape_.double_buffered ? !load_allowed_ : !drained))) {
    load_control_.front() = LoadControl{};
    return;
  }
  load_allowed_ = false;
  load_control_.front() = LoadControl{true, loading_, load_step_};
  if (++load_step_ == weight_load_cycles(shape_).count()) {
    load_step_ = 0;
    ++loading_;
    ++loaded_;  // PE(0, 0) has its weight after this cycle; the others follow ahead of the wave
  }
}

template <class Operand, class Sum>
void SystolicGrid<Operand, Sum>::move_weights() {
  const int push = shape_.weight_rows_per_cycle;
  const auto stage = static_cast<std::size_t>(cycle_ % push) * cells_.size();
  for (int r = rows() - 1; r >= 0; --r) {
    for (int c = 0; c < cols(); ++c) {
      Weight in;
      if (r >= push) {
        in = weight_wires_[stage + index(r - push, c)];
      } else {
        const LoadControl& control = load_control_[static_cast<std::size_t>(r + c)];
        if (control.valid) {
          in = {true, plane(control.tile), weight_input(r, c, control)};
        }
      }
      Weight& out = weight_wires_[stage + index(r, c)];
      out = Weight{};
      if (in.valid) {
        Operand& held = at(cells_, r, c).weights[in.plane];
        out = {true, in.plane, held};
        held = in.value;
      }
    }
  }
}

template <class Operand, class Sum>
void SystolicGrid<Operand, Sum>::move_cell(int r, int c) {
  Pe& cell = at(cells_, r, c);
  if (c == 0) {
    cell.activation_tag = stream_control_[static_cast<std::size_t>(r)];
    cell.activation = activation_input(r, cell.activation_tag);
  } else {
    const Pe& left = at(cells_, r, c - 1);
    cell.activation = left.activation;
    cell.activation_tag = left.activation_tag;
  }
  if (r == 0) {
    Pe top;
    top.sum_tag = sum_control_[static_cast<std::size_t>(c)];
    top.sum = sum_input(c, top.sum_tag);
    accumulate(r, c, top, cell);
  } else {
    accumulate(r, c, at(cells_, r - 1, c), cell);
  }
  if (r == rows() - 1 && cell.sum_tag.valid) {
    collect(cell, c);
  }
}

template <class Operand, class Sum>
void SystolicGrid<Operand, Sum>::accumulate(int r, int c, const Pe& from_above, Pe& cell) {
  check(from_above.sum_tag == cell.activation_tag, "systolic array: a sum met an activation of another row");
  cell.sum_tag = from_above.sum_tag;
  cell.sum = from_above.sum;
  if (!cell.sum_tag.valid) {
    return;
  }
  ++working_;
  const auto group = static_cast<std::size_t>(group_);
  const auto place = static_cast<std::size_t>(r % group_);
  const std::size_t own = index(r, c) * group;
  if (place > 0) {
    const std::size_t above = index(r - 1, c) * group;
    std::copy_n(pending_.begin() + static_cast<std::ptrdiff_t>(above), place,
                pending_.begin() + static_cast<std::ptrdiff_t>(own));
    std::copy_n(pending_weights_.begin() + static_cast<std::ptrdiff_t>(above), place,
                pending_weights_.begin() + static_cast<std::ptrdiff_t>(own));
  }
  pending_[own + place] = cell.activation;
  pending_weights_[own + place] = cell.weights[plane(cell.sum_tag.tile)];
  if (place + 1 == group) {
    cell.sum =
        step_(std::span(pending_).subspan(own, group), std::span(pending_weights_).subspan(own, group), cell.sum);
  }
  const bool inside = k_tile(cell.sum_tag.tile) * rows() + r < k_ && n_tile(cell.sum_tag.tile) * cols() + c < n_;
  useful_macs_ += inside ? 1 : 0;
}

template <class Operand, class Sum>
void SystolicGrid<Operand, Sum>::collect(const Pe& bottom, int c) {
  const Tag& tag = bottom.sum_tag;
  const std::int64_t column = n_tile(tag.tile) * cols() + c;
  std::int64_t& round = rounds_[static_cast<std::size_t>(tag.m * n_tiles_ * cols() + column)];
  check(round == k_tile(tag.tile), "systolic array: a result out of order");
  ++round;
  if (column < n_) {
    c_[static_cast<std::size_t>(tag.m * n_ + column)] = bottom.sum;
  }
  ++collected_;
}

template <class Operand, class Sum>
Operand SystolicGrid<Operand, Sum>::activation_input(int row, const Tag& tag) const {
  const std::int64_t k = k_tile(tag.tile) * rows() + row;
  return tag.valid && k < k_ ? a_[static_cast<std::size_t>(tag.m * k_ + k)] : Operand{};
}

// Lane q carries, in step j, the weight of row (steps - 1 - j) x push + q: the lowest rows go first.
template <class Operand, class Sum>
Operand SystolicGrid<Operand, Sum>::weight_input(int lane, int column, const LoadControl& control) const {
  const std::int64_t steps = weight_load_cycles(shape_).count();
  const std::int64_t k =
      k_tile(control.tile) * rows() + (steps - 1 - control.step) * shape_.weight_rows_per_cycle + lane;
  const std::int64_t n = n_tile(control.tile) * cols() + column;
  return k < k_ && n < n_ ? b_[static_cast<std::size_t>(k * n_ + n)] : Operand{};
}

template <class Operand, class Sum>
Sum SystolicGrid<Operand, Sum>::sum_input(int column, const Tag& tag) const {
  const std::int64_t n = n_tile(tag.tile) * cols() + column;
  if (!tag.valid || n >= n_) {
    return Sum{};
  }
  check(rounds_[static_cast<std::size_t>(tag.m * n_tiles_ * cols() + n)] == k_tile(tag.tile),
        "systolic array: a sum is not back yet");
  return c_[static_cast<std::size_t>(tag.m * n_ + n)];
}

template class SystolicGrid<float, float>;
template class SystolicGrid<std::int8_t, std::int32_t>;

}  // namespace mantissa::hardware
