// SPDX-License-Identifier: Apache-2.0
// The data that a workload is measured on, and its part of the workload file.
#pragma once
#include <cstdint>
#include <string>

namespace mantissa::config {

class YamlNode;
struct Workload;

struct Dataset {
  enum class Kind {
    kImages,  // labelled images: accuracy is top-1
    kTokens,  // rows of token ids: accuracy is perplexity of the next token
  };
  Kind kind = Kind::kImages;
  // Where the measured samples come from: a program's choice, no key of the file.
  enum class Part {
    kTest,      // images of the test split; rows of `file`
    kTraining,  // to search on: images of the training split (rows of `calibration_file`) behind those for calibration
  };
  Part part = Part::kTest;
  std::string name;  // "fashion_mnist", "token_ids"

  // kImages
  std::string folder;                   // empty: where Debian's package puts it
  std::int64_t images = 0;              // of the test split, from the first on
  std::int64_t calibration_images = 0;  // of the training split, from the first on
  double mean = 0, std = 1;             // (pixel / 255 - mean) / std

  // kTokens; the files are paths, resolved against the workload file's folder.
  std::string file, calibration_file;
  std::int64_t sequences = 0, calibration_sequences = 0;  // rows, from the first on

  // Images or sequences that accuracy is measured on, and that calibration sees.
  std::int64_t samples() const { return kind == Kind::kImages ? images : sequences; }
  std::int64_t calibration_samples() const {
    return kind == Kind::kImages ? calibration_images : calibration_sequences;
  }
  void set_samples(std::int64_t count) { (kind == Kind::kImages ? images : sequences) = count; }
};

// Reads the map `dataset` into workload.dataset. REQUIRES: workload.path is set.
void read_dataset(const YamlNode& node, Workload& workload);

}  // namespace mantissa::config
