#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Exports small transformers with random weights, as PyTorch 1.13 writes them, with what PyTorch computes for an input.

    /usr/bin/python3 scripts/make_transformer_onnx.py     # -> tests/data/onnx/{bert,gpt,llama}_opset*.{onnx,values}

The three are written to hold the operators that exporters emit for their families: post-norm with LayerNorm, GELU by
erf and an additive padding mask (BERT); pre-norm, fused query-key-value projection, causal mask by where, GELU by tanh,
einsum (GPT); RMSNorm, rotary positions that are computed in the graph, grouped-query attention by expand, SwiGLU, sizes
that depend on the input's (LLaMA). Needs Debian's python3-torch and python3-onnx.

A .values file holds tensors, two lines each: name, element type, shape; and the numbers.
"""
import math
import pathlib

import torch
from torch import nn
from torch.nn import functional

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data" / "onnx"
VOCABULARY, DIM, HEADS, HIDDEN, TOKENS = 40, 24, 4, 40, 7
HEAD_DIM = DIM // HEADS


class Bert(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.positions = nn.Embedding(VOCABULARY, DIM), nn.Embedding(16, DIM)
        self.q, self.k, self.v, self.out = (nn.Linear(DIM, DIM) for _ in range(4))
        self.up, self.down = nn.Linear(DIM, HIDDEN), nn.Linear(HIDDEN, DIM)
        self.norms = nn.ModuleList(nn.LayerNorm(DIM, eps=1e-12) for _ in range(3))
        self.pooler = nn.Linear(DIM, DIM)
        self.register_buffer("position_ids", torch.arange(16).expand((1, -1)))

    def heads(self, x):
        return x.view(x.size()[:-1] + (HEADS, HEAD_DIM)).permute(0, 2, 1, 3)

    def forward(self, ids, mask):
        x = self.words(ids) + self.positions(self.position_ids[:, :ids.size(1)])
        x = self.norms[0](x)
        bias = (1.0 - mask[:, None, None, :].to(x.dtype)) * torch.finfo(x.dtype).min
        scores = torch.matmul(self.heads(self.q(x)), self.heads(self.k(x)).transpose(-1, -2)) / math.sqrt(HEAD_DIM)
        y = torch.matmul(functional.softmax(scores + bias, dim=-1), self.heads(self.v(x)))
        y = y.permute(0, 2, 1, 3).contiguous()
        x = self.norms[1](self.out(y.view(y.size()[:-2] + (DIM,))) + x)
        x = self.norms[2](self.down(functional.gelu(self.up(x))) + x)
        return x, torch.tanh(self.pooler(x[:, 0]))


class Gpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.positions = nn.Embedding(VOCABULARY, DIM), nn.Embedding(16, DIM)
        self.qkv = nn.Parameter(torch.randn(DIM, 3 * DIM) * 0.2)
        self.qkv_bias = nn.Parameter(torch.randn(3 * DIM) * 0.1)
        self.out, self.up, self.down = nn.Linear(DIM, DIM), nn.Linear(DIM, HIDDEN), nn.Linear(HIDDEN, DIM)
        self.norms = nn.ModuleList(nn.LayerNorm(DIM) for _ in range(3))
        self.head = nn.Linear(DIM, VOCABULARY, bias=False)
        self.register_buffer("causal", torch.tril(torch.ones(16, 16, dtype=torch.uint8)).view(1, 1, 16, 16))

    def forward(self, ids):
        length = ids.size(-1)
        x = self.words(ids) + self.positions(torch.arange(0, length, dtype=torch.long).unsqueeze(0))
        y = self.norms[0](x)
        y = torch.addmm(self.qkv_bias, y.view(-1, DIM), self.qkv).view(y.size()[:-1] + (3 * DIM,))
        q, k, v = (t.view(t.size(0), length, HEADS, HEAD_DIM) for t in y.split(DIM, dim=2))
        scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / math.sqrt(HEAD_DIM)
        allowed = self.causal[:, :, :length, :length].bool()
        scores = torch.where(allowed, scores, torch.tensor(torch.finfo(scores.dtype).min))
        y = torch.einsum("bhqk,bkhd->bqhd", functional.softmax(scores, dim=-1), v).reshape(-1, length, DIM)
        x = x + self.out(y)
        y = self.up(self.norms[1](x))
        y = 0.5 * y * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (y + 0.044715 * torch.pow(y, 3.0))))
        x = self.norms[2](x + self.down(y))
        logits = self.head(x)
        best, places = torch.topk(logits[:, -1, :], 5)
        return logits, best, places


class RmsNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(1 + 0.1 * torch.randn(DIM))

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


class Llama(nn.Module):
    KV_HEADS = 2

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(VOCABULARY, DIM)
        self.q, self.out = (nn.Linear(DIM, DIM, bias=False) for _ in range(2))
        self.k, self.v = (nn.Linear(DIM, self.KV_HEADS * HEAD_DIM, bias=False) for _ in range(2))
        self.gate, self.up = (nn.Linear(DIM, HIDDEN, bias=False) for _ in range(2))
        self.down = nn.Linear(HIDDEN, DIM, bias=False)
        self.norms = nn.ModuleList(RmsNorm() for _ in range(3))
        self.register_buffer("frequency", 1.0 / (10000.0 ** (torch.arange(0, HEAD_DIM, 2).float() / HEAD_DIM)))

    @staticmethod
    def rotate(x, cosine, sine):
        half = x.shape[-1] // 2
        return x * cosine + torch.cat((-x[..., half:], x[..., :half]), dim=-1) * sine

    def repeat(self, x):
        batch, heads, length, dim = x.shape
        groups = HEADS // heads
        return x[:, :, None, :, :].expand(batch, heads, groups, length, dim).reshape(batch, HEADS, length, dim)

    def forward(self, ids):
        batch, length = ids.shape
        x = self.words(ids)
        mask = torch.full((length, length), torch.finfo(x.dtype).min)
        row = torch.arange(mask.size(-1))
        mask.masked_fill_(row < (row + 1).view(mask.size(-1), 1), 0)
        angle = torch.einsum("i,j->ij", torch.arange(length).type_as(self.frequency), self.frequency)
        angle = torch.cat((angle, angle), dim=-1)
        places = torch.arange(length).unsqueeze(0)
        cosine, sine = angle.cos()[places].unsqueeze(1), angle.sin()[places].unsqueeze(1)
        y = self.norms[0](x)
        q = self.q(y).view(batch, length, HEADS, HEAD_DIM).transpose(1, 2)
        k = self.k(y).view(batch, length, self.KV_HEADS, HEAD_DIM).transpose(1, 2)
        v = self.v(y).view(batch, length, self.KV_HEADS, HEAD_DIM).transpose(1, 2)
        q, k = self.rotate(q, cosine, sine), self.rotate(k, cosine, sine)
        k, v = self.repeat(k), self.repeat(v)
        scores = torch.matmul(q, k.transpose(2, 3)) / math.sqrt(HEAD_DIM) + mask[None, None]
        y = torch.matmul(functional.softmax(scores, dim=-1, dtype=torch.float32).to(q.dtype), v)
        x = x + self.out(y.transpose(1, 2).contiguous().reshape(batch, length, DIM))
        y = self.norms[1](x)
        x = x + self.down(functional.silu(self.gate(y)) * self.up(y))
        return self.norms[2](x) @ self.words.weight.transpose(0, 1)


def write_values(path, tensors):
    with path.open("w", encoding="ascii") as file:
        for name, tensor in tensors:
            kind = "float" if tensor.dtype == torch.float32 else "int64"
            numbers = tensor.flatten().tolist()
            text = " ".join(f"{x:.9g}" if kind == "float" else str(x) for x in numbers)
            file.write(f"{name} {kind} {'x'.join(map(str, tensor.shape))}\n{text}\n")


def export(name, network, inputs, outputs, opset):
    torch.manual_seed(1)
    model = network().eval()
    stem = OUT / f"{name}_opset{opset}"
    ids = torch.randint(VOCABULARY, (2, TOKENS))
    arguments = [ids]
    if "mask" in inputs:
        arguments.append((torch.arange(TOKENS)[None, :] < torch.tensor([[TOKENS], [4]])).long())
    axes = {key: {0: "batch", 1: "tokens"} for key in inputs}
    torch.onnx.export(model, tuple(arguments), f"{stem}.onnx", opset_version=opset, input_names=inputs,
                      output_names=outputs, dynamic_axes=axes)
    with torch.no_grad():
        results = model(*arguments)
    results = results if isinstance(results, tuple) else (results,)
    write_values(pathlib.Path(f"{stem}.values"), [*zip(inputs, arguments), *zip(outputs, results)])
    print(stem.name, pathlib.Path(f"{stem}.onnx").stat().st_size, "bytes")


def main():
    for opset in (13, 17):
        export("bert", Bert, ["ids", "mask"], ["states", "pooled"], opset)
    for opset in (13, 17):
        export("gpt", Gpt, ["ids"], ["logits", "best", "places"], opset)
    for opset in (14, 17):
        export("llama", Llama, ["ids"], ["logits"], opset)


if __name__ == "__main__":
    main()
