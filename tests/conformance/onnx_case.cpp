// SPDX-License-Identifier: Apache-2.0
#include "conformance/onnx_case.h"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <optional>

#include "base/error.h"
#include "conformance/onnx_data.h"
#include "network/import.h"
#include "network/op.h"

namespace mantissa::conformance {

namespace {

using network::element_count;
using network::ElementType;
using network::Graph;
using network::Tensor;
using network::to_string;
namespace fs = std::filesystem;

constexpr double kRelative = 1e-3, kAbsolute = 1e-7;  // the tolerances of ONNX's own backend tests

class Mismatch : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class Message>
Message parse(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  Message message;
  if (!message.ParseFromIstream(&file)) {
    throw std::runtime_error(path.string() + " is not readable");
  }
  return message;
}

double number(const Tensor& t, std::size_t i) {
  return t.type == ElementType::kFloat ? static_cast<double>(t.floats()[i]) : std::get<std::vector<double>>(t.data)[i];
}

// Integers and booleans exactly, reals within tolerance; NaN equals NaN.
void compare(const Tensor& got, const Tensor& expected, const std::string& what) {
  if (got.type != expected.type || got.shape != expected.shape) {
    throw Mismatch(fmt::format("{} has type {} and shape {}, expected {} and {}", what, static_cast<int>(got.type),
                               to_string(got.shape), static_cast<int>(expected.type), to_string(expected.shape)));
  }
  if (got.type != ElementType::kFloat && got.type != ElementType::kDouble) {
    if (got.data != expected.data) {
      throw Mismatch(what + " differs");
    }
    return;
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(element_count(got.shape)); ++i) {
    const double a = number(got, i), b = number(expected, i);
    const bool same =
        a == b || (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= kAbsolute + kRelative * std::abs(b);
    if (!same) {
      throw Mismatch(fmt::format("{} differs at element {}: {} instead of {}", what, i, a, b));
    }
  }
}

struct DataSet {
  std::vector<onnx::TensorProto> inputs, outputs;
};

std::vector<onnx::TensorProto> numbered(const fs::path& directory, const std::string& stem) {
  std::vector<onnx::TensorProto> tensors;
  for (int i = 0; fs::exists(directory / fmt::format("{}_{}.pb", stem, i)); ++i) {
    tensors.push_back(parse<onnx::TensorProto>(directory / fmt::format("{}_{}.pb", stem, i)));
  }
  return tensors;
}

// How many of the leading inputs stay inputs; the others become initializers with the data set's values.
constexpr int kAllInputs = 1 << 20;

network::Graph import_case(const onnx::ModelProto& original, const DataSet& data, int kept) {
  onnx::ModelProto model = original;
  network::ImportOptions options;
  for (int i = 0; i < std::min(model.graph().input_size(), static_cast<int>(data.inputs.size())); ++i) {
    const onnx::TensorProto& tensor = data.inputs[static_cast<std::size_t>(i)];
    const auto& dims = model.graph().input(i).type().tensor_type().shape().dim();
    for (int d = 0; d < std::min(dims.size(), tensor.dims_size()); ++d) {
      if (!dims[d].dim_param().empty()) {
        options.dimensions[dims[d].dim_param()] = tensor.dims(d);
      }
    }
    if (i >= kept) {
      onnx::TensorProto* initializer = model.mutable_graph()->add_initializer();
      *initializer = tensor;
      initializer->set_name(model.graph().input(i).name());
    }
  }
  const fs::path path = fs::temp_directory_path() / fmt::format("mantissa_conformance_{}.onnx", getpid());
  {
    std::ofstream file(path, std::ios::binary);
    model.SerializeToOstream(&file);
  }
  try {
    network::Graph graph = network::import_onnx(path.string(), options);
    fs::remove(path);
    return graph;
  } catch (...) {
    fs::remove(path);
    throw;
  }
}

Loaded load(const onnx::ModelProto& model, const DataSet& data, int kept) {
  Graph graph = import_case(model, data, kept);
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    const auto tensor = read_tensor(data.inputs.at(i));
    if (!tensor) {
      throw Mismatch("the importer accepts an input type that the test does not know");
    }
    inputs.push_back(*tensor);
  }
  return {model.graph().name(), std::move(graph), std::move(inputs)};
}

void run_data_set(const onnx::ModelProto& model, const DataSet& data, int kept) {
  const Loaded loaded = load(model, data, kept);
  const std::vector<Tensor> values = execute(loaded.graph, loaded.inputs);
  for (std::size_t i = 0; i < data.outputs.size(); ++i) {
    const auto expected = read_tensor(data.outputs[i]);
    if (!expected) {
      throw Mismatch("the importer accepts an output type that the test does not know");
    }
    compare(values.at(static_cast<std::size_t>(loaded.graph.outputs.at(i))), *expected, fmt::format("output {}", i));
  }
}

std::vector<DataSet> data_sets(const fs::path& directory) {
  std::vector<DataSet> sets;
  for (int i = 0; fs::exists(directory / fmt::format("test_data_set_{}", i)); ++i) {
    const fs::path folder = directory / fmt::format("test_data_set_{}", i);
    sets.push_back({numbered(folder, "input"), numbered(folder, "output")});
  }
  return sets;
}

// One attempt; the message of the refusal, or nullopt if it passes.
std::optional<std::string> attempt(const onnx::ModelProto& model, const std::vector<DataSet>& sets, int kept) {
  try {
    for (const DataSet& data : sets) {
      run_data_set(model, data, kept);
    }
    return std::nullopt;
  } catch (const ConfigError& error) {
    return error.diagnostics().at(0).message;
  }
}

}  // namespace

std::vector<Tensor> execute(const Graph& graph, const std::vector<Tensor>& inputs) {
  std::vector<Tensor> values(graph.values.size());
  const auto at = [&](network::ValueId id) -> Tensor& { return values[static_cast<std::size_t>(id)]; };
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    if (graph.values[i].constant) {
      values[i] = *graph.values[i].constant;
    }
  }
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    at(graph.inputs[i]) = inputs[i];
  }
  for (const network::Node& node : graph.nodes) {
    std::vector<const Tensor*> operands;
    for (network::ValueId id : node.inputs) {
      operands.push_back(id < 0 ? nullptr : &at(id));
    }
    std::vector<Tensor> results = network::evaluate(node, operands);
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] < 0) {
        continue;
      }
      const network::Value& promised = graph.value(node.outputs[i]);
      if (promised.shape != results[i].shape || promised.type != results[i].type) {
        throw Mismatch(fmt::format("node '{}' gives {}, not the inferred {}", node.name, to_string(results[i].shape),
                                   to_string(promised.shape)));
      }
      at(node.outputs[i]) = std::move(results[i]);
    }
  }
  return values;
}

Result run_case(const std::string& suite, const fs::path& directory) {
  Result result{suite, directory.filename().string().substr(5), {}, 0, Verdict::kFailed, {}, false};
  try {
    const auto model = parse<onnx::ModelProto>(directory / "model.onnx");
    for (const auto& node : model.graph().node()) {
      if (node.op_type() != "Constant" || model.graph().node_size() == 1) {
        result.operators.insert(node.op_type());
      }
    }
    for (const auto& import : model.opset_import()) {
      result.opset = import.domain().empty() ? static_cast<int>(import.version()) : result.opset;
    }
    const std::vector<DataSet> sets = data_sets(directory);
    std::optional<std::string> refused = attempt(model, sets, kAllInputs);
    for (int kept : {1, 0}) {
      if (refused && refused->find("must be known when the network is imported") != std::string::npos) {
        result.constants = true;
        refused = attempt(model, sets, kept);
      }
    }
    result.verdict = refused ? Verdict::kRefused : sets.empty() ? Verdict::kFailed : Verdict::kPassed;
    result.reason = refused.value_or(sets.empty() ? "it has no data" : "");
  } catch (const std::exception& error) {  // a wrong result, or an error of any other kind than a refusal
    result.reason = error.what();
  }
  return result;
}

namespace {

// Calls body(suite, directory) for each case, in order.
template <class Body>
void each_case(Body&& body) {
  for (const char* suite : {"node", "pytorch-converted", "pytorch-operator", "simple"}) {
    std::vector<fs::path> directories;
    std::error_code missing;
    for (const auto& entry : fs::directory_iterator(fs::path(kTestData) / suite, missing)) {
      directories.push_back(entry.path());
    }
    std::ranges::sort(directories);
    for (const fs::path& directory : directories) {
      body(suite, directory);
    }
  }
}

}  // namespace

std::vector<Result> run_all() {
  std::vector<Result> results;
  each_case([&](const char* suite, const fs::path& directory) { results.push_back(run_case(suite, directory)); });
  return results;
}

std::vector<Loaded> load_all() {
  std::vector<Loaded> cases;
  each_case([&](const char*, const fs::path& directory) {
    const auto model = parse<onnx::ModelProto>(directory / "model.onnx");
    const std::vector<DataSet> sets = data_sets(directory);
    for (int kept : {kAllInputs, 1}) {
      try {
        if (!sets.empty()) {
          cases.push_back(load(model, sets[0], kept));
          return;
        }
      } catch (const std::exception&) {
        // refused; run_case tells why
      }
    }
  });
  return cases;
}

}  // namespace mantissa::conformance
