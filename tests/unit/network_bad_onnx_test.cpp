// SPDX-License-Identifier: Apache-2.0
// Every X.onnx in tests/bad/onnx is refused with exactly the message in X.expected, where the path is written as
// X.onnx. The files are made by scripts/make_bad_onnx.py.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "network/import.h"
#include "network/kernel.h"

namespace mantissa::network {
namespace {

const std::filesystem::path kFolder = std::filesystem::path(MANTISSA_SOURCE_DIR) / "tests" / "bad" / "onnx";

std::vector<std::string> names() {
  std::vector<std::string> list;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".onnx") {
      list.push_back(entry.path().stem().string());
    }
  }
  std::sort(list.begin(), list.end());
  return list;
}

std::string message_of(const std::string& name) {
  const std::filesystem::path path = kFolder / (name + ".onnx");
  try {
    lower(import_onnx(path.string(), {}));
    return "(accepted)";
  } catch (const ConfigError& error) {
    std::string text = error.what();
    for (std::size_t at = text.find(path.string()); at != std::string::npos; at = text.find(path.string())) {
      text.replace(at, path.string().size(), name + ".onnx");
    }
    return text;
  }
}

class BadOnnx : public testing::TestWithParam<std::string> {};

TEST_P(BadOnnx, IsRefusedWithTheExpectedMessage) {
  std::ifstream file(kFolder / (GetParam() + ".expected"));
  ASSERT_TRUE(file) << "no " << GetParam() << ".expected; the message is\n" << message_of(GetParam());
  std::stringstream expected;
  expected << file.rdbuf();
  EXPECT_EQ(message_of(GetParam()) + "\n", expected.str());
}

INSTANTIATE_TEST_SUITE_P(Files, BadOnnx, testing::ValuesIn(names()), [](const auto& test) { return test.param; });

TEST(BadOnnxFolder, HoldsTheHostileFiles) {
  EXPECT_GE(names().size(), 60U);
}

// 400,000 empty nodes in 800 kB would become 80 MB of objects.
TEST(BadOnnxFolder, AFileOfEmptyNodesIsRefusedBeforeItFillsMemory) {
  std::string graph;
  for (int i = 0; i < 400'000; ++i) {
    graph += std::string("\x0a\x00", 2);
  }
  std::string length;
  for (std::size_t n = graph.size(); n > 0; n >>= 7) {
    length += static_cast<char>((n & 0x7f) | (n > 0x7f ? 0x80 : 0));
  }
  const std::string path = testing::TempDir() + "empty_nodes.onnx";
  std::ofstream(path, std::ios::binary) << "\x3a" << length << graph;
  try {
    import_onnx(path, {});
    FAIL() << "accepted";
  } catch (const ConfigError& error) {
    EXPECT_EQ(
        std::string(error.what()),
        path +
            ": error: the model would take over 4 times the memory of its 800004-byte file; it is broken or made to "
            "exhaust memory");
  }
  std::filesystem::remove(path);
}

TEST(BadOnnxFolder, AMissingFileAndAFolderAreToldApart) {
  const auto message = [](const std::string& path) {
    try {
      import_onnx(path, {});
      return std::string("(accepted)");
    } catch (const ConfigError& error) {
      return std::string(error.what());
    }
  };
  EXPECT_EQ(message("/nowhere/a.onnx"), "/nowhere/a.onnx: error: the ONNX file does not exist; check the path");
  EXPECT_EQ(message("/tmp"), "/tmp: error: is not a regular file; give the path of an ONNX file");
}

}  // namespace
}  // namespace mantissa::network
