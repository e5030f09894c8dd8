// SPDX-License-Identifier: Apache-2.0
// Labelled images on disk: Fashion-MNIST as Debian packages it (dataset-fashion-mnist), in the idx format of MNIST,
// gzip-compressed or not. SOURCE of the format: http://yann.lecun.com/exdb/mnist (big-endian header: magic, one 32-bit
// size per dimension, bytes).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "config/workload.h"
#include "network/graph.h"

namespace mantissa::execute {

enum class Split { kTrain, kTest };

struct LabelledImages {
  std::int64_t count = 0, height = 0, width = 0;
  std::vector<std::uint8_t> pixels;  // count x height x width
  std::vector<std::uint8_t> labels;  // count
};

// The folder: Dataset::folder, else the environment's MANTISSA_DATA_DIR, else where Debian's package puts the set.
std::string dataset_folder(const config::Dataset& dataset);

// The first `count` images of the split (0: all of them). Throws ConfigError at the data file: missing, truncated, not
// idx, sizes that disagree, fewer images than asked for; or at `workload_path` for a data set that is not known.
LabelledImages load_images(const config::Dataset& dataset, Split split, std::int64_t count,
                           const std::string& workload_path);

// Images [first, first + shape[0]) as a float tensor N x 1 x H x W, (pixel / 255 - mean) / std; past the end of the
// set, zeros.
network::Tensor image_batch(const LabelledImages& images, const config::Dataset& dataset, std::int64_t first,
                            const network::Shape& shape);

}  // namespace mantissa::execute
