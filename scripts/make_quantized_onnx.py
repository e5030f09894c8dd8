#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes two small networks that come quantized, with what they compute for an input, worked out here in NumPy.

    /usr/bin/python3 scripts/make_quantized_onnx.py     # -> tests/data/onnx/quantized_{qdq,integer}.{onnx,values}

`qdq` has QuantizeLinear and DequantizeLinear around a convolution, a batch normalization and a linear layer, `integer`
QLinearConv and QLinearMatMul. Needs Debian's python3-onnx. The .values files are those of make_transformer_onnx.py.
"""
import pathlib

import numpy
from onnx import TensorProto, helper, numpy_helper

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data" / "onnx"
F = numpy.float32
RANDOM = numpy.random.Generator(numpy.random.PCG64(1))
X = RANDOM.normal(0, 1.5, (2, 2, 6, 6)).astype(F)


def initializer(name, array):
    return numpy_helper.from_array(numpy.asarray(array), name)


def quantize(x, scale, zero, kind):
    limits = numpy.iinfo(kind)
    return numpy.clip(numpy.rint(x / F(scale)) + zero, limits.min, limits.max).astype(kind)


def dequantize(q, scale, zero):
    return (q.astype(numpy.int32) - zero).astype(F) * F(scale)


def convolve(x, w, kind):
    """3 x 3 with one zero on each side."""
    padded = numpy.pad(x.astype(kind), ((0, 0), (0, 0), (1, 1), (1, 1)))
    result = numpy.zeros((x.shape[0], w.shape[0], *x.shape[2:]), kind)
    for i in range(3):
        for j in range(3):
            part = padded[:, :, i:i + x.shape[2], j:j + x.shape[3]]
            result += numpy.einsum("nchw,oc->nohw", part, w[:, :, i, j].astype(kind))
    return result


def write(name, nodes, initializers, y):
    graph = helper.make_graph(nodes, name,
                              [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 2, 6, 6])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", y.shape[1]])],
                              initializer=initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="make_quantized_onnx")
    model.ir_version = 8
    (OUT / f"{name}.onnx").write_bytes(model.SerializeToString())
    with (OUT / f"{name}.values").open("w", encoding="ascii") as file:
        for key, array in (("x", X), ("y", y)):
            file.write(f"{key} float {'x'.join(map(str, array.shape))}\n")
            file.write(" ".join(f"{v:.9g}" for v in array.ravel()) + "\n")
    print(name, (OUT / f"{name}.onnx").stat().st_size, "bytes")


def pair(x, scale, zero):
    """QuantizeLinear and DequantizeLinear behind x: nodes, initializers, the result's name."""
    names = [f"{x}_scale", f"{x}_zero"]
    return ([helper.make_node("QuantizeLinear", [x, *names], [f"{x}_q"], name=f"{x}_quantize"),
             helper.make_node("DequantizeLinear", [f"{x}_q", *names], [f"{x}_dq"], name=f"{x}_dequantize")],
            [initializer(names[0], F(scale)), initializer(names[1], numpy.uint8(zero))], f"{x}_dq")


def qdq():
    w = RANDOM.integers(-127, 128, (3, 2, 3, 3), numpy.int8)
    w_scale = numpy.array([0.004, 0.002, 0.003], F)
    bias, x_scale = RANDOM.integers(-3000, 3000, 3, numpy.int32), F(0.05)
    v = RANDOM.integers(-127, 128, (5, 27), numpy.int8)
    gamma, beta, mean, variance = (numpy.array(a, F) for a in ([1, 1.5, 0.5], [0.1, 0, -0.1], [0, 0.5, 0], [1, 2, 0.5]))
    offset = RANDOM.normal(0, 1, 5).astype(F)
    nodes, initializers, x = pair("x", x_scale, 120)
    relu, relu_initializers, hidden = pair("relu", 0.04, 0)
    nodes += [
        helper.make_node("DequantizeLinear", ["w", "w_scale", "w_zero"], ["w_dq"], name="w_dequantize", axis=0),
        helper.make_node("DequantizeLinear", ["bias", "bias_scale"], ["bias_dq"], name="bias_dequantize", axis=0),
        helper.make_node("Conv", [x, "w_dq", "bias_dq"], ["conv"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["conv", "gamma", "beta", "mean", "variance"], ["norm"], name="norm",
                         epsilon=0.0),
        helper.make_node("Relu", ["norm"], ["relu"], name="relu"),
        *relu,
        helper.make_node("MaxPool", [hidden], ["pool"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["pool"], ["flat"], name="flatten"),
        helper.make_node("DequantizeLinear", ["v", "v_scale"], ["v_dq"], name="v_dequantize"),
        helper.make_node("Gemm", ["flat", "v_dq", "offset"], ["y"], name="fc", transB=1),
    ]
    initializers += relu_initializers + [
        initializer(*item) for item in (("w", w), ("w_scale", w_scale), ("w_zero", numpy.zeros(3, numpy.int8)),
                                        ("bias", bias), ("bias_scale", x_scale * w_scale), ("gamma", gamma),
                                        ("beta", beta), ("mean", mean), ("variance", variance), ("v", v),
                                        ("v_scale", F(0.01)), ("offset", offset))]
    along = (slice(None), None, None)
    y = convolve(dequantize(quantize(X, x_scale, 120, numpy.uint8), x_scale, 120),
                 dequantize(w, 1, 0) * w_scale[:, None, None, None], numpy.float64)
    y += (bias * (x_scale * w_scale).astype(numpy.float64))[along]
    y = (y - mean[along]) / numpy.sqrt(variance[along]) * gamma[along] + beta[along]
    y = dequantize(quantize(numpy.maximum(y, 0).astype(F), 0.04, 0, numpy.uint8), 0.04, 0)
    y = y.reshape(2, 3, 3, 2, 3, 2).max((3, 5)).reshape(2, -1)
    write("quantized_qdq", nodes, initializers, (y @ (v.astype(numpy.float64).T * F(0.01)) + offset).astype(F))


def integer():
    w, v = RANDOM.integers(-127, 128, (4, 2, 3, 3), numpy.int8), RANDOM.integers(0, 256, (144, 5), numpy.uint8)
    w_scale, bias = numpy.array([0.004, 0.002, 0.003, 0.001], F), RANDOM.integers(-3000, 3000, 4, numpy.int32)
    scales = {"x_scale": F(0.05), "h_scale": F(0.06), "v_scale": F(0.02), "y_scale": F(1.5)}
    zeros = {"x_zero": numpy.uint8(120), "w_zero": numpy.zeros(4, numpy.int8), "h_zero": numpy.uint8(7),
             "v_zero": numpy.uint8(130), "y_zero": numpy.int8(-5)}
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "x_scale", "x_zero"], ["q"], name="quantize"),
        helper.make_node("QLinearConv", ["q", "x_scale", "x_zero", "w", "w_scale", "w_zero", "h_scale", "h_zero",
                                         "bias"], ["h"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("Flatten", ["h"], ["flat"], name="flatten"),
        helper.make_node("QLinearMatMul", ["flat", "h_scale", "h_zero", "v", "v_scale", "v_zero", "y_scale", "y_zero"],
                         ["codes"], name="fc"),
        helper.make_node("DequantizeLinear", ["codes", "y_scale", "y_zero"], ["y"], name="dequantize"),
    ]
    initializers = [initializer(name, array) for name, array in
                    {**scales, **zeros, "w": w, "w_scale": w_scale, "bias": bias, "v": v}.items()]
    wide = numpy.int64
    sums = convolve(quantize(X, scales["x_scale"], 120, numpy.uint8).astype(wide) - 120, w, wide)
    sums += bias[:, None, None]
    factor = (scales["x_scale"] * w_scale / scales["h_scale"]).astype(F)[:, None, None]
    h = numpy.clip(numpy.rint(sums.astype(F) * factor) + 7, 0, 255).astype(wide).reshape(2, -1)
    factor = scales["h_scale"] * scales["v_scale"] / scales["y_scale"]
    q = numpy.clip(numpy.rint(((h - 7) @ (v.astype(wide) - 130)).astype(F) * factor) - 5, -128, 127)
    write("quantized_integer", nodes, initializers, dequantize(q.astype(wide), scales["y_scale"], -5))


if __name__ == "__main__":
    qdq()
    integer()
