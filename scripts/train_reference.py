#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the two reference networks on Fashion-MNIST and exports them to ONNX.

    /usr/bin/python3 scripts/train_reference.py resnet     # -> workloads/fashion_resnet.onnx
    /usr/bin/python3 scripts/train_reference.py mobilenet  # -> workloads/fashion_mobilenet.onnx

Needs Debian's python3-torch, python3-onnx and dataset-fashion-mnist. Seeds are fixed and one thread is used, so
that a run on the same machine and library versions gives the same weights. The test images are looked at once, after
the last epoch: nothing is chosen by them.
"""
import argparse
import gzip
import pathlib
import time

import numpy
import torch
from torch import nn
from torch.nn import functional

DATA = pathlib.Path("/usr/share/datasets/fashion-mnist")
ROOT = pathlib.Path(__file__).resolve().parent.parent
MEAN, STD = 0.2860, 0.3530  # of the 60,000 training images, pixels scaled to 0..1


def load(part):
    with gzip.open(DATA / f"{part}-images-idx3-ubyte.gz") as f:
        images = numpy.frombuffer(f.read(), numpy.uint8, offset=16).reshape(-1, 1, 28, 28)
    with gzip.open(DATA / f"{part}-labels-idx1-ubyte.gz") as f:
        labels = numpy.frombuffer(f.read(), numpy.uint8, offset=8)
    x = (torch.from_numpy(images.copy()).float() / 255 - MEAN) / STD
    return x, torch.from_numpy(labels.copy()).long()


class Residual(nn.Module):
    """Two 3x3 convolutions and a shortcut; a 1x1 convolution on the shortcut where the shape changes."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = None
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = functional.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return functional.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class FashionResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, 1, 1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        self.blocks = nn.Sequential(Residual(16, 32, 2), Residual(32, 64, 2), Residual(64, 64, 1))
        self.classifier = nn.Linear(64, 10)

    def forward(self, x):
        y = self.blocks(functional.relu(self.bn(self.stem(x))))
        return self.classifier(functional.adaptive_avg_pool2d(y, 1).flatten(1))


class SqueezeExcite(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.reduce = nn.Conv2d(channels, channels // 4, 1)
        self.expand = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x):
        y = functional.relu(self.reduce(functional.adaptive_avg_pool2d(x, 1)))
        return x * functional.hardsigmoid(self.expand(y))


class Bottleneck(nn.Module):
    """MobileNetV3's inverted residual: 1x1 expand, depthwise, squeeze-and-excite, 1x1 project."""

    def __init__(self, inputs, expanded, outputs, kernel, stride, squeeze, activation):
        super().__init__()
        layers = [nn.Conv2d(inputs, expanded, 1, bias=False), nn.BatchNorm2d(expanded), activation(),
                  nn.Conv2d(expanded, expanded, kernel, stride, kernel // 2, groups=expanded, bias=False),
                  nn.BatchNorm2d(expanded)]
        if squeeze:
            layers.append(SqueezeExcite(expanded))
        layers += [activation(), nn.Conv2d(expanded, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.layers(x) if self.residual else self.layers(x)


class FashionMobileNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.Hardswish(),
            Bottleneck(16, 48, 16, 3, 1, True, nn.ReLU),
            Bottleneck(16, 64, 24, 3, 2, False, nn.ReLU),
            Bottleneck(24, 96, 24, 3, 1, True, nn.Hardswish),
            Bottleneck(24, 96, 40, 5, 1, True, nn.Hardswish),
            Bottleneck(40, 160, 40, 5, 1, True, nn.Hardswish),
            nn.Conv2d(40, 160, 1, bias=False), nn.BatchNorm2d(160), nn.Hardswish())
        self.classifier = nn.Sequential(nn.Linear(160, 96), nn.Hardswish(), nn.Dropout(0.1), nn.Linear(96, 10))

    def forward(self, x):
        return self.classifier(functional.adaptive_avg_pool2d(self.features(x), 1).flatten(1))


NETWORKS = {"resnet": (FashionResNet, 14, 0.01), "mobilenet": (FashionMobileNet, 14, 0.008)}


def augment(x):
    """A horizontal flip of half the images and a shift of each batch by up to two pixels."""
    flip = torch.rand(len(x)) < 0.5
    x = torch.where(flip[:, None, None, None], x.flip(3), x)
    dx, dy = (int(v) for v in torch.randint(-2, 3, (2,)))
    return torch.roll(x, (dy, dx), (2, 3))


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        hits = sum(int((model(x[i:i + 500]).argmax(1) == y[i:i + 500]).sum()) for i in range(0, len(x), 500))
    return hits / len(x)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, help="default: 14")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(args.seed)
    make, epochs, rate = NETWORKS[args.network]
    epochs = args.epochs or epochs
    x, y = load("train")
    model = make().to(memory_format=torch.channels_last)  # three to five times faster on one core
    print(f"{args.network}: {sum(p.numel() for p in model.parameters())} parameters, {epochs} epochs", flush=True)
    batch = 128
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.02)
    steps = epochs * (len(x) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.15)
    loss = nn.CrossEntropyLoss(label_smoothing=0.05)
    for epoch in range(epochs):
        model.train()
        started, total = time.time(), 0.0
        order = torch.randperm(len(x))
        for i in range(0, len(x) - batch + 1, batch):
            index = order[i:i + batch]
            optimizer.zero_grad(set_to_none=True)
            error = loss(model(augment(x[index])), y[index])
            error.backward()
            optimizer.step()
            schedule.step()
            total += error.item()
        print(f"epoch {epoch + 1:2d}: loss {total / (len(x) // batch):.4f}, {time.time() - started:.1f} s", flush=True)
    print(f"train top-1 {accuracy(model, x[:10000], y[:10000]):.4f}", flush=True)
    print(f"test top-1 {accuracy(model, *load('t10k')):.4f}", flush=True)
    path = ROOT / "workloads" / f"fashion_{args.network}.onnx"
    model.eval()
    model = model.to(memory_format=torch.contiguous_format)
    torch.onnx.export(model, torch.zeros(1, 1, 28, 28), path, opset_version=13,
                      input_names=["image"], output_names=["logits"],
                      dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}})
    print(f"wrote {path} ({path.stat().st_size} bytes)")


if __name__ == "__main__":
    main()
