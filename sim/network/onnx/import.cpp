// SPDX-License-Identifier: Apache-2.0
// import_onnx: ModelProto -> Graph. Nodes are taken in an order in which they can be computed; each gets its shapes at
// once, and one whose inputs are all known is computed and vanishes, so the shape arithmetic that PyTorch exports never
// reaches a chip.
#include "network/import.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "network/fold.h"
#include "network/grid.h"
#include "network/onnx/attribute.h"
#include "network/onnx/file.h"
#include "network/onnx/order.h"
#include "network/onnx/tensor.h"
#include "network/op.h"

namespace mantissa::network {
namespace {

constexpr std::int64_t kMinOpset = 1, kMaxOpset = 17;
constexpr std::int64_t kMaxConstantBytes = std::int64_t{8} << 30;

bool is_standard(const std::string& domain) {
  return domain.empty() || domain == "ai.onnx";
}

bool is_real(ElementType type) {
  return type == ElementType::kFloat || type == ElementType::kDouble;
}

class Importer {
 public:
  Importer(const std::string& path, const ImportOptions& options)
      : path_(path), options_(options), model_(read_onnx(path)), sizes_(options.dimensions) {}

  Graph run() {
    check_model();
    graph_.name = path_;
    add_initializers();
    add_inputs();
    ConstantFolder folder(constant_bytes_);
    for (const int index : sorted_nodes()) {
      add_node(model_.graph().node(index), index, folder);
    }
    add_outputs();
    mark_statistics();
    fold_batch_normalizations(graph_);
    remove_unused(graph_);
    return std::move(graph_);
  }

 private:
  [[noreturn]] void fail(const std::string& message) const { throw ConfigError({path_, 0, 0}, message); }

  [[noreturn]] void fail_at(const onnx::NodeProto& proto, int index, const std::string& what) const {
    const bool has_remedy = what.find("; ") != std::string::npos || what.find(": export") != std::string::npos;
    fail(fmt::format("node '{}' ({}): {}{}", node_name(proto, index), proto.op_type(), what,
                     has_remedy ? "" : "; correct the model and export it again"));
  }

  static std::string node_name(const onnx::NodeProto& node, int index) {
    return node.name().empty() ? fmt::format("{}_{}", printable(node.op_type()), index) : printable(node.name());
  }

  void check_model();
  void add_initializers();
  void add_inputs();
  void add_input(const onnx::ValueInfoProto& input);
  std::int64_t dimension(const onnx::ValueInfoProto& input, int axis);
  void settle_batch();
  std::vector<int> sorted_nodes() const;
  void add_node(const onnx::NodeProto& proto, int index, ConstantFolder& folder);
  const OpInfo& find(const onnx::NodeProto& proto, const std::string& name) const;
  void connect(const onnx::NodeProto& proto, Node& node) const;
  void place_results(const onnx::NodeProto& proto, Node& node, ConstantFolder& folder);
  void add_outputs();
  void mark_statistics();
  Tensor tensor(const onnx::TensorProto& proto);

  ValueId define(const std::string& name, Value value) {
    value.name = printable(name);
    graph_.values.push_back(std::move(value));
    const auto id = static_cast<ValueId>(graph_.values.size() - 1);
    if (!name.empty() && !ids_.emplace(name, id).second) {
      fail(fmt::format("the name '{}' is given to two values; a name can be defined only once: rename one of them",
                       printable(name)));
    }
    return id;
  }

  const std::string& path_;
  const ImportOptions& options_;
  onnx::ModelProto model_;
  std::map<std::string, std::int64_t> sizes_;  // of symbolic dimensions
  std::unordered_map<std::string, ValueId> ids_;
  Graph graph_;
  std::int64_t opset_ = 0, constant_bytes_ = 0;
  bool batch_is_symbolic_ = false;
};

void Importer::check_model() {
  if (!model_.has_graph()) {
    fail("holds no graph, so it is no ONNX model; check the path, or export the model again");
  }
  if (model_.functions_size() > 0) {
    fail(fmt::format(
        "the model defines a function of its own, '{}', which is not supported; inline functions before export",
        printable(model_.functions(0).name())));
  }
  for (const auto& import : model_.opset_import()) {
    opset_ = is_standard(import.domain()) ? import.version() : opset_;
  }
  if (opset_ == 0) {
    fail("the model does not say which version of ONNX's operator set it uses; export it again");
  }
  if (opset_ < kMinOpset || opset_ > kMaxOpset) {
    fail(fmt::format(
        "the model uses version {} of ONNX's operator set; supported are {} to {}: export it with opset_version={}",
        opset_, kMinOpset, kMaxOpset, kMaxOpset));
  }
  if (model_.graph().sparse_initializer_size() > 0) {
    fail(fmt::format("initializer '{}' is sparse, which is not supported; export dense weights",
                     printable(model_.graph().sparse_initializer(0).values().name())));
  }
  if (model_.graph().output_size() == 0) {
    fail("the graph has no outputs, so there is nothing to compute; export the model with its outputs");
  }
}

Tensor Importer::tensor(const onnx::TensorProto& proto) {
  const Shape shape(proto.dims().begin(), proto.dims().end());
  check_shape(shape, options_.max_elements);
  constant_bytes_ += element_count(shape) * (element_type(proto.data_type()) == ElementType::kFloat ? 4 : 8);
  if (constant_bytes_ > kMaxConstantBytes) {
    throw OpError(
        fmt::format("brings the constants to over {} GB in memory, which is not supported", kMaxConstantBytes >> 30));
  }
  return convert_tensor(proto, options_.max_elements);
}

void Importer::add_initializers() {
  for (onnx::TensorProto& proto : *model_.mutable_graph()->mutable_initializer()) {
    if (proto.name().empty()) {
      fail("an initializer has no name; export the model again");
    }
    try {
      auto data = std::make_shared<const Tensor>(tensor(proto));
      Value value{{}, data->type, data->shape, is_real(data->type), data};
      define(proto.name(), std::move(value));
    } catch (const OpError& error) {
      fail(fmt::format("initializer '{}' {}", printable(proto.name()), error.what()));
    }
    proto.clear_raw_data();  // the weights are needed once in memory
  }
}

void Importer::add_inputs() {
  for (const onnx::ValueInfoProto& input : model_.graph().input()) {
    // Old files list initializers among the inputs; there the initializer counts.
    const auto known = ids_.find(input.name());
    if (known == ids_.end() || known->second >= model_.graph().initializer_size()) {
      add_input(input);
    }
  }
  settle_batch();
}

void Importer::add_input(const onnx::ValueInfoProto& input) {
  const std::string name = printable(input.name());
  if (!input.type().has_tensor_type()) {
    fail(fmt::format(
        "input '{}' is no tensor; sequences, maps and optional inputs are not supported: export with tensors as inputs",
        name));
  }
  const auto& type = input.type().tensor_type();
  const auto element = element_type(type.elem_type());
  if (!element || type.elem_type() == onnx::TensorProto::FLOAT16 || type.elem_type() == onnx::TensorProto::BFLOAT16) {
    fail(fmt::format(
        "input '{}' has element type {}, which is not supported; export the model in FLOAT (a run chooses the "
        "chip's precision)",
        name, type_name(type.elem_type())));
  }
  if (!type.has_shape()) {
    fail(fmt::format("input '{}' has no shape; export the model with the shapes of its inputs", name));
  }
  Value value{{}, *element, {}, false, nullptr};
  for (int axis = 0; axis < type.shape().dim_size(); ++axis) {
    value.shape.push_back(dimension(input, axis));
  }
  try {
    check_shape(value.shape, options_.max_elements);
  } catch (const OpError& error) {
    fail(fmt::format("input '{}' {}", name, error.what()));
  }
  graph_.inputs.push_back(define(input.name(), std::move(value)));
}

std::int64_t Importer::dimension(const onnx::ValueInfoProto& input, int axis) {
  const auto& dim = input.type().tensor_type().shape().dim(axis);
  if (dim.has_dim_value()) {
    return dim.dim_value();
  }
  const std::string& symbol = dim.dim_param();
  const auto known = sizes_.find(symbol);
  if (!symbol.empty() && known != sizes_.end()) {
    return known->second;
  }
  if (axis == 0) {
    batch_is_symbolic_ = true;
    if (!symbol.empty()) {
      sizes_[symbol] = options_.batch;
    }
    return options_.batch;
  }
  if (symbol.empty()) {
    fail(fmt::format(
        "dimension {} of input '{}' has neither a size nor a name; export the model with a fixed size there", axis,
        printable(input.name())));
  }
  fail(fmt::format(
      "dimension {} of input '{}' is symbolic: '{}'; give its size in the workload, dimensions: {{{}: 128}}", axis,
      printable(input.name()), printable(symbol), printable(symbol)));
}

void Importer::settle_batch() {
  graph_.batch = options_.batch;
  if (batch_is_symbolic_ || graph_.inputs.empty()) {
    return;
  }
  const Value& first = graph_.value(graph_.inputs[0]);
  const std::int64_t fixed = first.shape.size() >= 2 ? first.shape[0] : 1;
  if (options_.batch != 1 && options_.batch != fixed) {
    fail(fmt::format(
        "the model has a fixed batch of {} (input '{}'), but the run asks for {}; run it with that batch, or export "
        "it with a symbolic first dimension (dynamic_axes)",
        fixed, first.name, options_.batch));
  }
  graph_.batch = std::max<std::int64_t>(fixed, 1);
}

std::vector<int> Importer::sorted_nodes() const {
  std::vector<NodeNames> names;
  for (const auto& node : model_.graph().node()) {
    names.push_back({{node.input().begin(), node.input().end()}, {node.output().begin(), node.output().end()}});
  }
  const NodeOrder order = order_nodes(names);
  if (!order.cycle.empty()) {
    std::string cycle;
    for (std::size_t i = 0; i < order.cycle.size() && i < 5; ++i) {
      cycle += fmt::format("'{}' -> ", node_name(model_.graph().node(order.cycle[i]), order.cycle[i]));
    }
    cycle += order.cycle.size() > 5 ? "... -> " : "";
    fail(fmt::format(
        "the graph has a cycle: {}'{}'; a node cannot depend on its own result: remove one of the connections", cycle,
        node_name(model_.graph().node(order.cycle[0]), order.cycle[0])));
  }
  return order.order;
}

const OpInfo& Importer::find(const onnx::NodeProto& proto, const std::string& name) const {
  const std::string type = printable(proto.op_type());
  if (!is_standard(proto.domain())) {
    fail(
        fmt::format("operator '{}' (node '{}') is of domain '{}'; only the operators of ONNX itself are supported: "
                    "export the model without extensions",
                    type, name, printable(proto.domain())));
  }
  const bool standard_name = proto.op_type().find('.') == std::string::npos;
  const OpInfo* found = standard_name ? find_op(proto.op_type()) : nullptr;
  if (found == nullptr) {
    // refusal() has a sentence for operators it never heard of, which says no more than this message does.
    const std::string reason = refusal(proto.op_type());
    if (!standard_name || reason == refusal("")) {
      fail(fmt::format("operator '{}' (node '{}') is not supported; docs/onnx.md lists what is", type, name));
    }
    fail(fmt::format("operator '{}' (node '{}') cannot be imported: {}; docs/onnx.md lists what can", type, name,
                     reason));
  }
  return *found;
}

void Importer::connect(const onnx::NodeProto& proto, Node& node) const {
  for (const std::string& input : proto.input()) {
    const auto id = ids_.find(input);
    if (!input.empty() && id == ids_.end()) {
      fail(fmt::format(
          "node '{}' ({}) reads '{}', which no input, initializer or node gives; export the model again with its "
          "weights",
          node.name, proto.op_type(), printable(input)));
    }
    node.inputs.push_back(input.empty() ? -1 : id->second);
  }
  while (!node.inputs.empty() && node.inputs.back() < 0) {
    node.inputs.pop_back();
  }
}

void Importer::place_results(const onnx::NodeProto& proto, Node& node, ConstantFolder& folder) {
  int outputs = proto.output_size();
  while (outputs > 0 && proto.output(outputs - 1).empty()) {
    --outputs;
  }
  if (outputs == 0) {
    throw OpError("it has no outputs");
  }
  node.outputs.assign(static_cast<std::size_t>(outputs), -1);  // infer counts them; ids follow
  std::vector<const Value*> inputs;
  bool parameter = false;
  for (const ValueId id : node.inputs) {
    inputs.push_back(id >= 0 ? &graph_.value(id) : nullptr);
    parameter = parameter || (id >= 0 && graph_.value(id).parameter);
  }
  const std::vector<TensorType> types = infer(node, inputs);
  for (const TensorType& type : types) {
    try {
      check_shape(type.shape, options_.max_elements);
    } catch (const OpError& error) {
      throw OpError(std::string("its result ") + error.what());
    }
  }
  auto known = folder.fold(node, inputs, types);
  const auto grid = grid_of(node, inputs);
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    Value value{{}, types[i].type, types[i].shape, false, nullptr};
    if (known) {
      // Weights may be stored as Constant nodes, or as codes; single numbers there are settings, not trained.
      const bool source = node.op == Op::kConstant || node.op == Op::kDequantizeLinear;
      const bool weights = parameter || (source && element_count(value.shape) > 1);
      value.parameter = weights && is_real(value.type);
      value.constant = std::make_shared<const Tensor>(std::move((*known)[i]));
    }
    value.grid = value.type == ElementType::kFloat ? grid : nullptr;
    node.outputs[i] = define(proto.output(static_cast<int>(i)), std::move(value));
  }
  if (!known) {
    graph_.nodes.push_back(std::move(node));
  }
}

void Importer::add_node(const onnx::NodeProto& proto, int index, ConstantFolder& folder) {
  Node node;
  node.name = node_name(proto, index);
  node.op = find(proto, node.name).op;
  node.opset = static_cast<int>(opset_);
  try {
    node.attributes = convert_attributes(proto, [this](const onnx::TensorProto& t) { return tensor(t); });
    connect(proto, node);
    place_results(proto, node, folder);
  } catch (const OpError& error) {
    fail_at(proto, index, error.what());
  } catch (const std::overflow_error& error) {
    fail_at(proto, index, error.what());
  }
}

void Importer::add_outputs() {
  for (const onnx::ValueInfoProto& output : model_.graph().output()) {
    const auto id = ids_.find(output.name());
    if (id == ids_.end()) {
      fail(fmt::format("output '{}' is not computed by any node; export the model again", printable(output.name())));
    }
    graph_.outputs.push_back(id->second);
  }
}

// Running means and variances are measured, and scales of activations calibrated, not trained: they do not count as
// parameters. Weights and biases that are stored as integers do.
void Importer::mark_statistics() {
  const auto mark = [&](const Node& node, std::size_t i, bool parameter) {
    if (i < node.inputs.size() && node.inputs[i] >= 0) {
      Value& value = graph_.values[static_cast<std::size_t>(node.inputs[i])];
      value.parameter = parameter && value.constant != nullptr;
    }
  };
  for (const Node& node : graph_.nodes) {
    switch (node.op) {
      case Op::kBatchNormalization:
        mark(node, 3, false);
        mark(node, 4, false);
        break;
      case Op::kQuantizeLinear:
      case Op::kDequantizeLinear:
        mark(node, 1, false);
        break;
      case Op::kQLinearConv:
      case Op::kQLinearMatMul:
        mark(node, 1, false);
        mark(node, 4, false);
        mark(node, 6, false);
        mark(node, 3, true);
        mark(node, 8, true);
        break;
      case Op::kConvInteger:
      case Op::kMatMulInteger:
        mark(node, 1, true);
        break;
      default:
        break;
    }
  }
}

}  // namespace

Graph import_onnx(const std::string& path, const ImportOptions& options) {
  return Importer(path, options).run();
}

}  // namespace mantissa::network
