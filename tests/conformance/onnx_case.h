// SPDX-License-Identifier: Apache-2.0
// One case of ONNX's backend tests: a model with inputs and the outputs that it must give. Runs it through import_onnx
// and the operator table, and tells whether it passes, is refused with a reason, or is wrong.
//
// Many node tests pass shapes, axes and bounds as inputs of the model, which a network that is imported has as
// constants. A case that is refused for that alone is tried again with all inputs but the first, then with all inputs,
// as initializers of the model.
#pragma once
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "network/graph.h"

namespace mantissa::conformance {

enum class Verdict { kPassed, kRefused, kFailed };

struct Result {
  std::string suite, name;          // "node", "relu" (without "test_")
  std::set<std::string> operators;  // of the model, without Constant
  int opset = 0;
  Verdict verdict = Verdict::kFailed;
  std::string reason;      // refused, failed
  bool constants = false;  // needed inputs as constants
};

// Where Debian's libonnx-testdata puts the cases.
inline constexpr const char* kTestData = "/usr/share/libonnx-testdata/data";

// A case that passes, as it was imported, with its first set of inputs.
struct Loaded {
  std::string name;
  network::Graph graph;
  std::vector<network::Tensor> inputs;
};

Result run_case(const std::string& suite, const std::filesystem::path& directory);
// All cases of the suites, in order of suite and name. Empty if the data is not installed.
std::vector<Result> run_all();
std::vector<Loaded> load_all();

// Computes a graph node by node; returns all its values.
std::vector<network::Tensor> execute(const network::Graph& graph, const std::vector<network::Tensor>& inputs);

}  // namespace mantissa::conformance
