// SPDX-License-Identifier: Apache-2.0
// Thousands of randomly damaged networks: each is imported and lowered, or refused with a ConfigError; nothing else may
// happen.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "base/error.h"
#include "network/import.h"
#include "network/kernel.h"

namespace mantissa::network {
namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// True if it was accepted.
bool try_import(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
  ImportOptions options;
  options.max_elements = 1 << 22;
  try {
    lower(import_onnx(path, options));
    return true;
  } catch (const ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find(": error: "), std::string::npos);
    return false;
  }
}

std::string path_for(const char* name) {
  return testing::TempDir() + "mantissa_" + name + ".onnx";
}

TEST(DamagedOnnx, AnyBytesChangedAreReadOrRefused) {
  const std::filesystem::path root = MANTISSA_SOURCE_DIR;
  const std::string path = path_for("changed");
  std::mt19937 random(1);
  int accepted = 0, refused = 0;
  for (const char* name : {"tests/data/onnx/tiny_opset13.onnx", "tests/bad/onnx/symbolic_dimension.onnx",
                           "tests/bad/onnx/control_flow.onnx", "tests/bad/onnx/gather_out_of_range.onnx",
                           "tests/bad/onnx/reshape_sizes.onnx", "tests/bad/onnx/conv_channels.onnx",
                           "tests/bad/onnx/range_bomb.onnx", "tests/bad/onnx/tile_bomb.onnx"}) {
    const std::string whole = read(root / name);
    ASSERT_FALSE(whole.empty()) << name;
    for (int i = 0; i < 250; ++i) {
      std::string bytes = whole;
      for (unsigned n = 0; n <= random() % 4; ++n) {
        bytes[random() % bytes.size()] = static_cast<char>(random());
      }
      ++(try_import(path, bytes) ? accepted : refused);
    }
  }
  EXPECT_GT(accepted, 100);
  EXPECT_GT(refused, 100);
  std::filesystem::remove(path);
}

TEST(DamagedOnnx, EveryTruncationIsRefused) {
  const std::string path = path_for("truncated");
  const std::string whole = read(std::filesystem::path(MANTISSA_SOURCE_DIR) / "tests/bad/onnx/conv_channels.onnx");
  for (std::size_t length = 0; length < whole.size(); length += 3) {
    EXPECT_FALSE(try_import(path, whole.substr(0, length))) << length;
  }
  std::filesystem::remove(path);
}

TEST(DamagedOnnx, NoiseIsRefused) {
  const std::string path = path_for("noise");
  std::mt19937 random(2);
  for (int i = 0; i < 200; ++i) {
    std::string bytes(1 + random() % 300, '\0');
    for (char& c : bytes) {
      c = static_cast<char>(random());
    }
    EXPECT_FALSE(try_import(path, bytes));
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace mantissa::network
