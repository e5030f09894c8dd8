// SPDX-License-Identifier: Apache-2.0
// Random nodes, most of them wrong: every operator either computes results of the shapes it inferred, or throws
// OpError. Run with the sanitizers (preset asan) this also shows that nothing reads outside its inputs.
#include <limits>
#include <sstream>

#include "unit/ops_support.h"

namespace mantissa::network {
namespace {

using namespace test;

constexpr int kTrials = 100;  // of each operator

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::int64_t pick(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }
  bool chance(int one_in) { return pick(1, one_in) == 1; }

  Shape shape() {
    Shape s(static_cast<std::size_t>(chance(3) ? pick(0, 5) : rank_));
    for (std::int64_t& d : s) {
      d = chance(3) ? pick(0, 5) : pick(1, 3);
    }
    return s;
  }

  Tensor tensor() {
    constexpr ElementType kTypes[] = {ElementType::kInt64, ElementType::kInt64, ElementType::kInt32,
                                      ElementType::kBool,  ElementType::kUint8, ElementType::kUint64,
                                      ElementType::kDouble};
    const ElementType type = chance(2) ? ElementType::kFloat : kTypes[pick(0, 6)];
    Tensor t = Tensor::zeros(type, chance(3) ? Shape{pick(0, 5)} : shape());
    std::visit(
        [&]<class T>(std::vector<T>& data) {
          for (T& v : data) {
            if constexpr (std::is_arithmetic_v<T>) {
              v = static_cast<T>(type == ElementType::kBool ? pick(0, 1) : integer());
            }
          }
        },
        t.data);
    return t;
  }

  std::int64_t integer() {
    constexpr std::int64_t kExtremes[] = {std::numeric_limits<std::int64_t>::min(),
                                          std::numeric_limits<std::int64_t>::max(), std::int64_t{1} << 40,
                                          -(std::int64_t{1} << 33)};
    return chance(40) ? kExtremes[pick(0, 3)] : pick(-2, 4);
  }

  Attribute attribute(const std::string& name) {
    constexpr const char* kWords[] = {"SAME_UPPER",
                                      "SAME_LOWER",
                                      "VALID",
                                      "CRD",
                                      "linear",
                                      "cubic",
                                      "reflect",
                                      "edge",
                                      "add",
                                      "mul",
                                      "LEFT",
                                      "RIGHT",
                                      "align_corners",
                                      "tf_crop_and_resize",
                                      "bicubic",
                                      "border",
                                      "reflection",
                                      "ij,jk->ik",
                                      "ii->i",
                                      "...ij->...ji",
                                      "i,i",
                                      "?",
                                      ""};
    const bool list = name == "pads" || name == "strides" || name == "dilations" || name == "kernel_shape" ||
                      name == "axes" || name == "perm" || name == "starts" || name == "ends" || name == "split" ||
                      name == "shape" || name == "output_shape" || name == "output_padding";
    if (list && !chance(10)) {
      Ints values(static_cast<std::size_t>(chance(3)        ? pick(0, 6)
                                           : name == "pads" ? 2 * std::max<std::int64_t>(0, rank_ - 2)
                                           : rank_ - 2 > 0  ? rank_ - 2
                                                            : 1));
      for (std::int64_t& v : values) {
        v = chance(3) ? integer() : pick(0, 2);
      }
      return values;
    }
    switch (pick(0, 4)) {
      case 0:
        return std::string(kWords[pick(0, 22)]);
      case 1:
        return static_cast<float>(integer());
      case 2:
        return std::vector<float>{1.0F, static_cast<float>(integer())};
      case 3:
        return std::make_shared<const Tensor>(tensor());
      default:
        return integer();
    }
  }

  Node any_node(const OpInfo& row) {
    rank_ = pick(1, 5);
    constexpr int kOpsets[] = {6, 9, 10, 11, 13, 17};
    Node n = node(row.op, {}, kOpsets[pick(0, 5)], static_cast<std::size_t>(chance(3) ? pick(1, 3) : 1));
    std::istringstream names{std::string(row.attributes)};
    for (std::string name; names >> name;) {
      if (chance(2)) {
        n.attributes[name] = attribute(name);
      }
    }
    return n;
  }

  std::vector<std::optional<Tensor>> inputs(const OpInfo& row) {
    const int most = row.arity.max_inputs < 0 ? 3 : row.arity.max_inputs;
    std::vector<std::optional<Tensor>> result;
    const Tensor first = tensor();
    for (std::int64_t i = 0; i < pick(row.arity.min_inputs, most); ++i) {
      if (chance(12)) {
        result.emplace_back();
      } else {
        result.emplace_back(i == 0 || chance(3) ? first : tensor());
      }
    }
    return result;
  }

 private:
  std::mt19937 random_;
  std::int64_t rank_ = 2;
};

TEST(Operators, ComputeOrThrowOpErrorOnRandomNodes) {
  for (const OpInfo& row : op_table()) {
    SCOPED_TRACE(row.name);
    Generator generator(static_cast<unsigned>(row.op) + 1);
    int computed = 0;
    for (int trial = 0; trial < kTrials; ++trial) {
      const Node n = generator.any_node(row);
      const std::vector<std::optional<Tensor>> inputs = generator.inputs(row);
      std::vector<Value> values(inputs.size());
      std::vector<const Value*> pointers(inputs.size(), nullptr);
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        if (inputs[i]) {
          values[i] = {"x", inputs[i]->type, inputs[i]->shape, false, std::make_shared<const Tensor>(*inputs[i])};
          pointers[i] = &values[i];
        }
      }
      try {
        const std::vector<TensorType> types = infer(n, pointers);
        if (row.evaluate == nullptr) {
          continue;
        }
        const std::vector<Tensor> results = run(n, inputs);
        ASSERT_EQ(results.size(), types.size()) << row.name;
        for (std::size_t i = 0; i < types.size(); ++i) {
          ASSERT_EQ(results[i].shape, types[i].shape) << row.name;
          ASSERT_EQ(results[i].type, types[i].type) << row.name;
          const auto held = std::visit([](const auto& v) { return v.size(); }, results[i].data);
          ASSERT_EQ(static_cast<std::int64_t>(held), element_count(results[i].shape)) << row.name;
        }
        ++computed;
      } catch (const OpError&) {
        // refused
      } catch (const std::exception& error) {
        FAIL() << row.name << " threw something else than OpError: " << error.what();
      }
    }
    RecordProperty(std::string(row.name), computed);
  }
}

}  // namespace
}  // namespace mantissa::network
