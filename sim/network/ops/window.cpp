// SPDX-License-Identifier: Apache-2.0
#include "network/ops/window.h"

#include <algorithm>

#include "base/units.h"

namespace mantissa::network::ops {

namespace {

// One of strides, dilations ... : `rank` entries of at least `least`.
Shape spatial_list(const Node& node, const char* name, std::size_t entries, Dim fallback, Dim least) {
  Shape list = node.integers(name, Shape(entries, fallback));
  require(list.size() == entries, "{} has {} entries, expected {}", name, list.size(), entries);
  for (Dim v : list) {
    require(v >= least && v < kMaxDim, "{} must be at least {}, not {}", name, least, v);
  }
  return list;
}

void fill(Triple& triple, const Shape& list, std::size_t rank) {
  for (std::size_t i = 0; i < rank; ++i) {
    triple[3 - rank + i] = list[i];
  }
}

std::string auto_pad_of(const Node& node) {
  std::string mode = node.text("auto_pad", "NOTSET");
  require(mode == "NOTSET" || mode == "VALID" || mode == "SAME_UPPER" || mode == "SAME_LOWER",
          "auto_pad '{}' is not NOTSET, VALID, SAME_UPPER or SAME_LOWER", mode);
  require(mode == "NOTSET" || std::ranges::all_of(node.integers("pads", {}), [](Dim p) { return p == 0; }),
          "it has both auto_pad {} and pads", mode);
  return mode;
}

Window attributes_window(const Node& node, const Shape& input, const Shape& kernel) {
  Window w;
  w.in = spatial(input, "its input");
  w.rank = input.size() - 2;
  fill(w.kernel, kernel, w.rank);
  fill(w.stride, spatial_list(node, "strides", w.rank, 1, 1), w.rank);
  fill(w.dilation, spatial_list(node, "dilations", w.rank, 1, 1), w.rank);
  const Shape pads = spatial_list(node, "pads", 2 * w.rank, 0, 0);
  fill(w.pad, Shape(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(w.rank)), w.rank);
  fill(w.pad_end, Shape(pads.begin() + static_cast<std::ptrdiff_t>(w.rank), pads.end()), w.rank);
  for (std::size_t d = 0; d < 3; ++d) {
    require(w.in[d] < kMaxDim && w.kernel[d] <= (Dim{1} << 20) && w.dilation[d] <= (Dim{1} << 20),
            "its window {} with dilation {} is too large", w.kernel[d], w.dilation[d]);
  }
  return w;
}

void split_padding(Window& w, std::size_t d, Dim total, const std::string& mode) {
  const Dim small = total / 2;
  w.pad[d] = mode == "SAME_UPPER" ? small : total - small;
  w.pad_end[d] = total - w.pad[d];
}

}  // namespace

Triple spatial(const Shape& shape, const char* what) {
  require(shape.size() >= 3 && shape.size() <= 5,
          "{} has shape {}; expected batch x channels x 1 to 3 spatial dimensions", what, to_string(shape));
  Triple triple{1, 1, 1};
  fill(triple, Shape(shape.begin() + 2, shape.end()), shape.size() - 2);
  return triple;
}

void append_spatial(Shape& shape, const Triple& triple, std::size_t rank) {
  shape.insert(shape.end(), triple.end() - static_cast<std::ptrdiff_t>(rank), triple.end());
}

Window forward_window(const Node& node, const Shape& input, const Shape& kernel, bool ceil_mode) {
  Window w = attributes_window(node, input, kernel);
  const std::string mode = auto_pad_of(node);
  for (std::size_t d = 3 - w.rank; d < 3; ++d) {
    const Dim reach = w.dilation[d] * (w.kernel[d] - 1) + 1;
    if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
      w.out[d] = ceil_div(w.in[d], w.stride[d]);
      split_padding(w, d, std::max<Dim>(0, (w.out[d] - 1) * w.stride[d] + reach - w.in[d]), mode);
      continue;
    }
    const Dim room = w.in[d] + w.pad[d] + w.pad_end[d] - reach;
    require(room >= 0, "its window of {} does not fit the padded input of {}", reach,
            w.in[d] + w.pad[d] + w.pad_end[d]);
    w.out[d] = (ceil_mode ? ceil_div(room, w.stride[d]) : room / w.stride[d]) + 1;
    // A window that would start in the padding at the end is dropped (PyTorch; ONNX says so from opset 19).
    if (ceil_mode && (w.out[d] - 1) * w.stride[d] >= w.in[d] + w.pad[d]) {
      --w.out[d];
    }
  }
  return w;
}

Window transposed_window(const Node& node, const Shape& input, const Shape& kernel) {
  Window w = attributes_window(node, input, kernel);
  const std::string mode = auto_pad_of(node);
  Triple extra{0, 0, 0}, wanted{0, 0, 0};
  fill(extra, spatial_list(node, "output_padding", w.rank, 0, 0), w.rank);
  const bool sized = node.attributes.contains("output_shape");
  if (sized) {
    fill(wanted, spatial_list(node, "output_shape", w.rank, 1, 1), w.rank);
  }
  for (std::size_t d = 3 - w.rank; d < 3; ++d) {
    require(extra[d] < std::max(w.stride[d], w.dilation[d]),
            "output_padding {} must be below the stride or the dilation", extra[d]);
    require(w.in[d] >= 1 && w.stride[d] < (Dim{1} << 20), "its input has no elements, or its stride {} is too large",
            w.stride[d]);
    const Dim full = (w.in[d] - 1) * w.stride[d] + w.dilation[d] * (w.kernel[d] - 1) + 1 + extra[d];
    if (sized || mode == "SAME_UPPER" || mode == "SAME_LOWER") {
      w.out[d] = sized ? wanted[d] : w.in[d] * w.stride[d];
      // Where the output is longer than what the input covers, the rest is bias alone.
      split_padding(w, d, std::max<Dim>(0, full - w.out[d]), mode == "SAME_UPPER" ? mode : "SAME_LOWER");
      continue;
    }
    w.out[d] = full - w.pad[d] - w.pad_end[d];
    require(w.out[d] >= 1, "its pads {} and {} leave nothing of an output of {}", w.pad[d], w.pad_end[d], full);
  }
  return w;
}

Shape kernel_of(const Node& node, std::size_t rank, const Shape& from_weights) {
  require(!from_weights.empty() || node.attributes.contains("kernel_shape"), "kernel_shape is missing");
  const Shape kernel = spatial_list(node, "kernel_shape", rank, 1, 1);
  if (from_weights.empty()) {
    return kernel;
  }
  require(from_weights.size() == rank, "the weights have {} spatial dimensions, the input has {}", from_weights.size(),
          rank);
  require(!node.attributes.contains("kernel_shape") || kernel == from_weights,
          "kernel_shape {} differs from that of the weights, {}", to_string(kernel), to_string(from_weights));
  for (Dim k : from_weights) {
    require(k >= 1, "the weights have an empty kernel {}", to_string(from_weights));
  }
  return from_weights;
}

}  // namespace mantissa::network::ops
