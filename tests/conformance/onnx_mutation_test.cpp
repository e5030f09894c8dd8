// SPDX-License-Identifier: Apache-2.0
// Valid nodes made wrong: every node of the cases that pass, with attributes, shapes, indices and inputs changed at
// random, is computed or refused with OpError. With the sanitizers (preset asan) this shows that no evaluation reads
// outside its inputs.
#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "conformance/onnx_case.h"
#include "network/op.h"

namespace mantissa::conformance {
namespace {

using network::Attribute;
using network::element_count;
using network::Node;
using network::Shape;
using network::Tensor;

constexpr int kMutants = 12;  // of each node

class Mutator {
 public:
  void mutate(Node& node, std::vector<std::optional<Tensor>>& inputs) {
    for (std::int64_t changes = pick(1, 3); changes > 0; --changes) {
      const std::int64_t what = pick(0, 4);
      if (what == 0 && !node.attributes.empty()) {
        auto at = node.attributes.begin();
        std::advance(at, pick(0, static_cast<std::int64_t>(node.attributes.size()) - 1));
        pick(0, 9) == 0 ? static_cast<void>(node.attributes.erase(at)) : change(at->second);
      } else if (what == 1) {
        constexpr int kOpsets[] = {1, 6, 9, 10, 11, 12, 13, 15, 17};
        node.opset = kOpsets[pick(0, 8)];
      } else if (!inputs.empty()) {
        auto& input = inputs[static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(inputs.size()) - 1))];
        if (pick(0, 30) == 0) {
          input.reset();
        } else if (input) {
          what == 2 ? reshape(*input) : change(*input);
        }
      }
    }
  }

 private:
  std::int64_t pick(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }

  std::int64_t integer() {
    constexpr std::int64_t kExtremes[] = {std::numeric_limits<std::int64_t>::min(),
                                          std::numeric_limits<std::int64_t>::max(), std::int64_t{1} << 40,
                                          -(std::int64_t{1} << 33)};
    return pick(0, 20) == 0 ? kExtremes[pick(0, 3)] : pick(-3, 6);
  }

  void change(Attribute& attribute) {
    constexpr const char* kWords[] = {
        "SAME_UPPER", "SAME_LOWER", "VALID",  "NOTSET",     "DCR",           "CRD",
        "nearest",    "linear",     "cubic",  "reflect",    "edge",          "constant",
        "add",        "mul",        "floor",  "asymmetric", "align_corners", "tf_crop_and_resize",
        "half_pixel", "bicubic",    "border", "zeros",      "ij,jk->ik",     "ii->i",
        "...->..."};
    if (auto* number = std::get_if<std::int64_t>(&attribute)) {
      *number = integer();
    } else if (auto* real = std::get_if<float>(&attribute)) {
      *real = static_cast<float>(integer());
    } else if (auto* text = std::get_if<std::string>(&attribute)) {
      *text = kWords[pick(0, 24)];
    } else if (auto* list = std::get_if<std::vector<std::int64_t>>(&attribute)) {
      const std::int64_t how = pick(0, 5);
      if (how == 0 || list->empty()) {
        list->push_back(integer());
      } else if (how == 1) {
        list->pop_back();
      } else {
        (*list)[static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(list->size()) - 1))] = integer();
      }
    }
  }

  // One number of the data.
  void change(Tensor& tensor) {
    std::visit(
        [&]<class T>(std::vector<T>& data) {
          if constexpr (std::is_arithmetic_v<T>) {
            if (!data.empty()) {
              data[static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(data.size()) - 1))] =
                  static_cast<T>(integer());
            }
          }
        },
        tensor.data);
  }

  // Another shape, with data to match.
  void reshape(Tensor& tensor) {
    Shape& shape = tensor.shape;
    const std::int64_t how = pick(0, 4);
    if (how == 0 || shape.empty()) {
      shape.insert(shape.begin() + pick(0, static_cast<std::int64_t>(shape.size())), pick(0, 2));
    } else if (how == 1) {
      shape.erase(shape.begin() + pick(0, static_cast<std::int64_t>(shape.size()) - 1));
    } else {
      shape[static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(shape.size()) - 1))] = pick(0, 5);
    }
    std::visit([&](auto& data) { data.resize(static_cast<std::size_t>(element_count(shape))); }, tensor.data);
  }

  std::mt19937 random_{17};
};

void expect_computed_or_refused(const Node& node, const std::vector<std::optional<Tensor>>& inputs) {
  std::vector<const Tensor*> pointers;
  for (const auto& input : inputs) {
    pointers.push_back(input ? &*input : nullptr);
  }
  try {
    for (const Tensor& result : network::evaluate(node, pointers)) {
      const auto held = std::visit([](const auto& data) { return data.size(); }, result.data);
      EXPECT_EQ(static_cast<std::int64_t>(held), element_count(result.shape));
    }
  } catch (const network::OpError&) {
    // refused
  } catch (const std::exception& error) {
    ADD_FAILURE() << "something else than OpError: " << error.what();
  }
}

TEST(OnnxMutation, IsComputedOrRefusedNeverReadOutOfBounds) {
  const std::vector<Loaded> cases = load_all();
  if (cases.empty()) {
    GTEST_SKIP() << "no ONNX test data in " << kTestData << "; install the package libonnx-testdata";
  }
  Mutator mutator;
  for (const Loaded& loaded : cases) {
    SCOPED_TRACE(loaded.name);
    const std::vector<Tensor> values = execute(loaded.graph, loaded.inputs);
    for (const Node& original : loaded.graph.nodes) {
      for (int i = 0; i < kMutants; ++i) {
        Node node = original;
        std::vector<std::optional<Tensor>> inputs;
        for (network::ValueId id : node.inputs) {
          inputs.push_back(id < 0 ? std::nullopt : std::optional(values[static_cast<std::size_t>(id)]));
        }
        mutator.mutate(node, inputs);
        expect_computed_or_refused(node, inputs);
      }
    }
  }
}

}  // namespace
}  // namespace mantissa::conformance
