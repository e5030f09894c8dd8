#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the broken, mistaken and hostile ONNX files of tests/bad/onnx.

    /usr/bin/python3 scripts/make_bad_onnx.py

Needs Debian's python3-onnx. Each file X.onnx has a neighbour X.expected, written by hand: the exact message.
"""
import pathlib

import numpy
from onnx import AttributeProto, ModelProto, TensorProto, helper, numpy_helper

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "bad" / "onnx"
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def value(name, shape, kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def weight(name, *shape):
    return numpy_helper.from_array(numpy.ones(shape, numpy.float32), name)


def integers(name, *numbers):
    return numpy_helper.from_array(numpy.array(numbers, numpy.int64), name)


def model(nodes, inputs=None, initializers=(), outputs=("y",), opset=13):
    """A model that is fine but for what the caller broke."""
    graph = helper.make_graph(
        list(nodes),
        "bad",
        [value("x", [1, 3, 8, 8])] if inputs is None else list(inputs),
        [value(name, None) for name in outputs],
        initializer=list(initializers),
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], producer_name="make_bad_onnx")


def node(op, inputs, outputs="y", name=None, **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), name=name or op.lower(), **attributes)


def relu():
    return model([node("Relu", "x")])


def raw_tensor(name, dims, kind=FLOAT, **fields):
    tensor = TensorProto(name=name, data_type=kind, **fields)
    tensor.dims.extend(dims)
    return tensor


def varint(number):
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def nested_graphs(depth):
    """ModelProto.graph.node.attribute.g.node.attribute.g ... as raw bytes: no library would write it."""
    graph = b""
    for _ in range(depth):
        for tag in (0x32, 0x2A, 0x0A):  # AttributeProto.g, NodeProto.attribute, GraphProto.node
            graph = bytes([tag]) + varint(len(graph)) + graph
    return b"\x08\x08\x42\x02\x10\x0d\x3a" + varint(len(graph)) + graph


FILES = {}


def bad(make):
    FILES[make.__name__] = make
    return make


# The file itself.
@bad
def empty():
    return b""


@bad
def not_protobuf():
    return b"This is a text file, not a network.\n"


@bad
def truncated():
    whole = model([node("Conv", "x w")], initializers=[weight("w", 4, 3, 3, 3)]).SerializeToString()
    return whole[: len(whole) * 2 // 3]


@bad
def wrong_length():
    return b"\x08\x08\x3a\xff\xff\xff\xff\x0f"


@bad
def nesting_bomb():
    return nested_graphs(200)


@bad
def endless_number():
    return b"\x08" + b"\xff" * 40


@bad
def no_graph():
    return ModelProto(ir_version=8, producer_name="nobody").SerializeToString()


@bad
def no_outputs():
    return model([node("Relu", "x")], outputs=())


@bad
def no_opset():
    broken = relu()
    del broken.opset_import[:]
    return broken


@bad
def negative_opset():
    return model([node("Relu", "x")], opset=-5)


@bad
def future_opset():
    return model([node("Relu", "x")], opset=99)


# Names and order.
@bad
def cycle():
    return model([node("Add", "x c", "a", "first"), node("Relu", "a", "b", "second"), node("Tanh", "b", "c", "third"),
                  node("Relu", "c", "y", "last")])


@bad
def self_loop():
    return model([node("Add", "x y", "y", "loop")])


@bad
def missing_initializer():
    return model([node("Conv", "x w", name="conv1")])


@bad
def missing_output():
    return model([node("Relu", "x", "z")])


@bad
def duplicate_output():
    return model([node("Relu", "x"), node("Tanh", "x")])


@bad
def duplicate_initializer():
    return model([node("Add", "x w")], initializers=[weight("w", 1), weight("w", 1)])


@bad
def unnamed_initializer():
    return model([node("Relu", "x")], initializers=[weight("", 1)])


# Shapes and sizes.
@bad
def negative_input_dimension():
    return model([node("Relu", "x")], [value("x", [1, -3, 8, 8])])


@bad
def negative_weight_dimension():
    return model([node("Add", "x w")], initializers=[raw_tensor("w", [-1, 4], raw_data=b"\0" * 16)])


@bad
def huge_input():
    return model([node("Relu", "x")], [value("x", [1 << 20, 1 << 20])])


@bad
def huge_weight():
    return model([node("Add", "x w")], initializers=[raw_tensor("w", [1 << 20, 1 << 20], raw_data=b"\0" * 16)])


@bad
def overflowing_dimensions():
    return model([node("Add", "x w")], initializers=[raw_tensor("w", [1 << 40, 1 << 40], raw_data=b"\0" * 16)])


@bad
def overflow_to_zero():
    return model([node("Add", "x w")], initializers=[raw_tensor("w", [1 << 32, 1 << 32], raw_data=b"")])


@bad
def many_dimensions():
    return model([node("Relu", "x")], [value("x", [1] * 500)])


@bad
def symbolic_dimension():
    return model([node("Relu", "x")], [value("x", ["batch", 3, "height", 8])])


@bad
def nameless_dimension():
    return model([node("Relu", "x")], [value("x", ["batch", 3, None, 8])])


@bad
def no_input_shape():
    return model([node("Relu", "x")], [value("x", None)])


@bad
def sequence_input():
    sequence = helper.make_tensor_sequence_value_info("x", FLOAT, [1])
    return model([node("Relu", "x")], [sequence])


@bad
def float16_input():
    return model([node("Relu", "x")], [value("x", [1, 4], TensorProto.FLOAT16)])


# Data of weights.
@bad
def short_raw_data():
    return model([node("Add", "x w")], initializers=[raw_tensor("w", [2, 3], raw_data=b"\0" * 20)])


@bad
def short_float_data():
    return model([node("Add", "x w")], initializers=[raw_tensor("w", [2, 3], float_data=[1, 2, 3])])


@bad
def no_data():
    return model([node("Add", "x w")], initializers=[raw_tensor("w", [1 << 15, 1 << 15])])


@bad
def int8_out_of_range():
    return model([node("Cast", "w", to=FLOAT)], [], [raw_tensor("w", [1], TensorProto.INT8, int32_data=[300])])


@bad
def complex_weight():
    return model([node("Add", "x w")], initializers=[raw_tensor("w", [1], TensorProto.COMPLEX64, float_data=[1, 2])])


@bad
def unknown_type():
    return model([node("Add", "x w")], initializers=[raw_tensor("w", [1], 99, raw_data=b"\0" * 4)])


@bad
def external_data():
    tensor = raw_tensor("w", [2], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="/etc/passwd")
    return model([node("Add", "x w")], initializers=[tensor])


@bad
def sparse_weight():
    broken = model([node("Add", "x w")])
    sparse = broken.graph.sparse_initializer.add()
    sparse.values.CopyFrom(weight("w", 1))
    sparse.indices.CopyFrom(integers("i", 0))
    sparse.dims.extend([4])
    return broken


# Operators.
@bad
def unknown_operator():
    return model([node("Foo", "x", name="bar")])


@bad
def private_operator():
    return model([node("mantissa.Silu", "x", name="act")])


@bad
def unknown_domain():
    return model([node("FusedConv", "x", name="conv1", domain="com.microsoft")])


@bad
def control_flow():
    branch = helper.make_graph([node("Relu", "x", "z")], "branch", [], [value("z", None)])
    return model([node("If", "c", then_branch=branch, else_branch=branch)], [value("c", [], TensorProto.BOOL)])


@bad
def hidden_subgraph():
    branch = helper.make_graph([node("Relu", "x", "z")], "branch", [], [value("z", None)])
    return model([node("Relu", "x", body=branch)])


@bad
def recurrent():
    return model([node("LSTM", "x w r", hidden_size=4)], [value("x", [1, 1, 4])],
                 [weight("w", 1, 16, 4), weight("r", 1, 16, 4)])


@bad
def data_dependent_shape():
    return model([node("NonZero", "x")])


@bad
def random_numbers():
    return model([node("RandomNormal", "", shape=[2])], [])


@bad
def model_function():
    broken = relu()
    broken.functions.add(name="MyLayer", domain="local")
    return broken


@bad
def too_few_inputs():
    return model([node("Conv", "x", name="conv1")])


@bad
def no_node_outputs():
    return model([node("Relu", "x"), node("Tanh", "x", "")])


# Attributes.
@bad
def wrong_attribute_type():
    return model([node("Conv", "x w", name="conv1", group="three")], initializers=[weight("w", 4, 3, 3, 3)])


@bad
def unknown_attribute():
    return model([node("Conv", "x w", name="conv1", colour=3)], initializers=[weight("w", 4, 3, 3, 3)])


@bad
def attribute_twice():
    broken = model([node("Conv", "x w", name="conv1", group=1)], initializers=[weight("w", 4, 3, 3, 3)])
    broken.graph.node[0].attribute.append(helper.make_attribute("group", 3))
    return broken


@bad
def untyped_attribute():
    broken = model([node("Conv", "x w", name="conv1", group=1)], initializers=[weight("w", 4, 3, 3, 3)])
    broken.graph.node[0].attribute[0].type = AttributeProto.UNDEFINED
    return broken


@bad
def conv_channels():
    return model([node("Conv", "x w", name="conv1")], initializers=[weight("w", 4, 5, 3, 3)])


@bad
def conv_groups_zero():
    return model([node("Conv", "x w", name="conv1", group=0)], initializers=[weight("w", 4, 3, 3, 3)])


@bad
def conv_strides_zero():
    return model([node("Conv", "x w", name="conv1", strides=[0, 0])], initializers=[weight("w", 4, 3, 3, 3)])


@bad
def conv_huge_pads():
    return model([node("Conv", "x w", name="conv1", pads=[1 << 62] * 4)], initializers=[weight("w", 4, 3, 3, 3)])


@bad
def conv_kernel_too_large():
    return model([node("Conv", "x w", name="conv1")], initializers=[weight("w", 4, 3, 9, 9)])


@bad
def pool_without_kernel():
    return model([node("MaxPool", "x", name="pool")])


@bad
def matmul_sizes():
    return model([node("MatMul", "x w", name="fc")], [value("x", [1, 10])], [weight("w", 11, 4)])


@bad
def broadcast_sizes():
    return model([node("Add", "x w", name="add")], initializers=[weight("w", 5)])


@bad
def reshape_sizes():
    return model([node("Reshape", "x s", name="reshape")], initializers=[integers("s", 1, 100)])


@bad
def reshape_unknown_target():
    return model([node("Reshape", "x s", name="reshape")], [value("x", [4]), value("s", [1], INT64)])


# Work that a small file could cause.
@bad
def constant_of_shape_bomb():
    return model([node("ConstantOfShape", "s", name="fill")], [], [integers("s", 1 << 20, 1 << 20)])


@bad
def constant_of_shape_series():
    nodes = [node("ConstantOfShape", "s", f"a{i}", f"fill{i}") for i in range(50)]
    return model(nodes + [node("Relu", "a0")], [], [integers("s", 1 << 14, 1 << 13)])


@bad
def expand_bomb():
    return model([node("Expand", "x s", name="expand")], [value("x", [1, 1])], [integers("s", 1 << 25, 1 << 25)])


@bad
def tile_bomb():
    return model([node("Tile", "x r", name="tile")], [value("x", [4, 4])], [integers("r", 1 << 30, 1 << 30)])


@bad
def pad_bomb():
    return model([node("Pad", "x p", name="pad")], [value("x", [4])], [integers("p", 0, 1 << 61)])


@bad
def range_bomb():
    scalars = [numpy_helper.from_array(numpy.int64(n), name) for name, n in (("a", 0), ("b", 1 << 40), ("c", 1))]
    return model([node("Range", "a b c", name="range")], [], scalars)


@bad
def resize_bomb():
    scales = numpy_helper.from_array(numpy.array([1, 1, 1e9, 1e9], numpy.float32), "s")
    return model([node("Upsample", "x s", name="up")], initializers=[scales], opset=9)


@bad
def constant_product_bomb():
    nodes = [node("ConstantOfShape", "s", "a", "fill"), node("MatMul", "a a", "b", "product"),
             node("MatMul", "b b", "y", "second")]
    return model(nodes, [], [integers("s", 1 << 12, 1 << 12)])


@bad
def gather_out_of_range():
    return model([node("Gather", "w i", name="gather")], [], [weight("w", 4, 4), integers("i", 7)])


@bad
def constant_division_by_zero():
    return model([node("Div", "a b", name="div")], [], [integers("a", 5), integers("b", 0)])


@bad
def control_characters_in_name():
    return model([node("Foo", "x", name="a\x1b[31m\nb")])


def numbers(name, kind, *values):
    return numpy_helper.from_array(numpy.array(values, kind), name)


def quantize(scale, zero_point):
    return model([node("QuantizeLinear", "x s z", name="quantize")], [value("x", [2, 3])], [scale, zero_point])


@bad
def quantize_scale_zero():
    return quantize(numbers("s", numpy.float32, 0), numbers("z", numpy.int8, 0))


@bad
def quantize_scale_nan():
    return quantize(numbers("s", numpy.float32, numpy.nan), numbers("z", numpy.int8, 0))


@bad
def quantize_lengths():
    return quantize(numbers("s", numpy.float32, 1, 2), numbers("z", numpy.int8, 0, 0))


@bad
def dequantize_zero_point_type():
    return model([node("DequantizeLinear", "w s z", name="dequantize")], [],
                 [numbers("w", numpy.int8, 1, 2), numbers("s", numpy.float32, 1), numbers("z", numpy.uint8, 0)])


@bad
def qlinear_conv_scales():
    codes = numpy_helper.from_array(numpy.ones((2, 3, 1, 1), numpy.int8), "w")
    one, zero = numbers("s", numpy.float32, 1), numbers("z", numpy.int8, 0)
    return model([node("QLinearConv", "x s z w ws z s z", name="conv")], [value("x", [1, 3, 8, 8], TensorProto.INT8)],
                 [codes, one, zero, numbers("ws", numpy.float32, 1, 1, 1)])


@bad
def matmul_integer_of_floats():
    return model([node("MatMulInteger", "x w", name="product")], [value("x", [2, 3])],
                 [numpy_helper.from_array(numpy.ones((3, 4), numpy.int8), "w")])


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for name, make in FILES.items():
        made = make()
        data = made if isinstance(made, bytes) else made.SerializeToString()
        (OUT / f"{name}.onnx").write_bytes(data)
    print(f"{len(FILES)} files in {OUT}")


if __name__ == "__main__":
    main()
