#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Exports networks of torchvision with random weights to ONNX, for the import test.

    /usr/bin/python3 scripts/export_torchvision.py FOLDER   # resnet18 .. mobilenet_v3_large, opsets 11, 13, 17 (250 MB)
    MANTISSA_TORCHVISION_DIR=FOLDER ctest -R Torchvision
    /usr/bin/python3 scripts/export_torchvision.py --tiny   # the stand-ins of tests/data/onnx (a few kB each)

Needs Debian's python3-torch, python3-torchvision and python3-onnx.
"""
import argparse
import pathlib
import warnings

import torch
from torch import nn

ROOT = pathlib.Path(__file__).resolve().parent.parent
OPSETS = (11, 13, 17)


class SqueezeExcite(nn.Module):
    def __init__(self, channels, squeezed):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)
        self.gate = nn.Hardsigmoid()

    def forward(self, x):
        return x * self.gate(self.fc2(torch.relu(self.fc1(self.pool(x)))))


class Tiny(nn.Module):
    """One of each thing that the torchvision networks have: batch norm, residuals with and without projection, depthwise
    convolution, squeeze-and-excite, hard-swish, ReLU6, pooling, a shape read at run time, a linear head."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.residual = nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
                                      nn.Conv2d(8, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8))
        self.branch = nn.Sequential(nn.Conv2d(8, 16, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU6(),
                                    nn.Conv2d(16, 16, 3, 2, 1, groups=16, bias=False), nn.BatchNorm2d(16), nn.Hardswish(),
                                    SqueezeExcite(16, 8), nn.Conv2d(16, 12, 1, bias=False), nn.BatchNorm2d(12))
        self.projection = nn.Sequential(nn.Conv2d(8, 12, 1, 2, bias=False), nn.BatchNorm2d(12))
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(12, 10)

    def forward(self, x):
        x = self.pool(self.stem(x))
        x = torch.relu(x + self.residual(x))
        x = torch.relu(self.branch(x) + self.projection(x))
        x = nn.functional.adaptive_avg_pool2d(x, 1)
        x = x.view(x.size(0), -1)
        return self.head(self.dropout(x))


def export(network, name, folder, size, symbolic_batch):
    network.eval()
    for opset in OPSETS:
        path = folder / f"{name}_opset{opset}.onnx"
        axes = {"image": {0: "batch"}, "logits": {0: "batch"}} if symbolic_batch else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(network, torch.zeros(1, 3, size, size), str(path), opset_version=opset, input_names=["image"],
                              output_names=["logits"], dynamic_axes=axes)
        print(path, path.stat().st_size)


def randomize(network):
    """Statistics other than 0 and 1, so that folding a batch normalization is visible."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 1.5)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=pathlib.Path)
    parser.add_argument("--tiny", action="store_true", help="only the stand-ins, into tests/data/onnx")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    if arguments.tiny:
        folder = ROOT / "tests" / "data" / "onnx"
        folder.mkdir(parents=True, exist_ok=True)
        network = Tiny()
        randomize(network)
        export(network, "tiny", folder, 32, True)
        return
    if arguments.folder is None:
        parser.error("give a FOLDER, or --tiny")
    from torchvision import models
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name in ("resnet18", "resnet50", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large"):
        network = getattr(models, name)(weights=None)
        randomize(network)
        export(network, name, arguments.folder, 224, True)


if __name__ == "__main__":
    main()
