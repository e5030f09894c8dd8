#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the small language model on the King James Bible and exports it with the texts it is measured on.

    /usr/bin/python3 scripts/train_language_model.py train     # -> build/kjv_llama.pt, then as `export`
    /usr/bin/python3 scripts/train_language_model.py export    # build/kjv_llama.pt -> workloads/kjv_llama.onnx
    /usr/bin/python3 scripts/train_language_model.py tokens    # -> workloads/kjv_llama_{heldout,calibration}.npy and
                                                               #    workloads/kjv_llama_vocabulary.txt
    /usr/bin/python3 scripts/train_language_model.py tokenize TEXT.txt OUT.npy   # your own text, cut to rows

The network has LLaMA's architecture (RMSNorm, rotary positions, grouped-query attention, SwiGLU) and is small enough to
be trained on one core in about 25 minutes (seed 1: held-out perplexity 14.615). Needs Debian's python3-torch,
python3-onnx and bible-kjv-text (the text is in the public domain). Seeds are fixed and one thread is used, so that a
run on the same machine and library versions gives the same weights. Every 20th chapter is held out: neither the
vocabulary nor the weights nor calibration see it, and its loss is only printed; nothing is chosen by it.
"""
import argparse
import collections
import math
import pathlib
import re
import struct
import subprocess
import time

import numpy
import torch
from torch import nn
from torch.nn import functional

TEXT = pathlib.Path("/usr/lib/bible.data")  # of bible-kjv-text
ROOT = pathlib.Path(__file__).resolve().parent.parent
WORKLOADS = ROOT / "workloads"
NAME = "kjv_llama"

VOCABULARY, CONTEXT = 1024, 256
DIM, LAYERS, HEADS, KV_HEADS, HIDDEN = 192, 4, 6, 2, 480
HEAD_DIM = DIM // HEADS
HELD_OUT_EVERY = 20       # chapters
CALIBRATION_ROWS = 64     # of the training part
BATCH, STEPS, RATE = 8, 2500, 3e-3


# ---- text ----

def bible():
    """The verses as (book and chapter, text), from the file of the Bible Retrieval System: after 84 bytes of head the
    size of a block and how many there are, then where each starts and the last ends (all big-endian); a block is a
    stream of `compress` (LZW, 16 bits) whose three bytes of magic only the first one keeps, so gzip unpacks them."""
    data = TEXT.read_bytes()
    blocks = struct.unpack(">I", data[88:92])[0]
    starts = struct.unpack(f">{blocks + 1}I", data[92:92 + 4 * (blocks + 1)])
    text = b"".join(subprocess.run(["gzip", "-dc"], input=b"\x1f\x9d\x90" + data[start:end], stdout=subprocess.PIPE,
                                   check=True).stdout for start, end in zip(starts, starts[1:])).decode("ascii")
    for line in text.splitlines()[1:]:  # the first line is a title
        chapter, verse = re.fullmatch(r"(\w+):\d+ +(.*)", line).groups()
        yield chapter, verse


def split():
    """(training text, held-out text): a verse a line, an empty line after each chapter."""
    chapters = collections.OrderedDict()
    for chapter, verse in bible():
        chapters.setdefault(chapter, []).append(verse)
    parts = ([], [])
    for i, verses in enumerate(chapters.values()):
        parts[(i + 1) % HELD_OUT_EVERY == 0].append("\n".join(verses) + "\n\n")
    return "".join(parts[0]), "".join(parts[1])


WORD = re.compile(r" ?[A-Za-z]+| ?[^A-Za-z\s]+|\s")  # merges stay inside these


class Tokenizer:
    """Byte pairs (Sennrich et al., ACL 2016): ids 0..95 are line feed and printable ASCII, each further one is two
    earlier tokens joined."""

    def __init__(self, merges):
        self.tokens = ["\n"] + [chr(c) for c in range(32, 127)]
        self.ranks = {}
        for pair in merges:
            self.ranks[pair] = len(self.tokens)
            self.tokens.append("".join(self.tokens[i] for i in pair))
        self.known = {}

    @staticmethod
    def learn(text):
        """The merge that is most frequent next, ties to the lowest ids, until the vocabulary is full."""
        tokenizer = Tokenizer([])
        counts = collections.Counter(WORD.findall(text))
        words = [([tokenizer.tokens.index(c) for c in word], count) for word, count in counts.items()]
        merges = []
        while 96 + len(merges) < VOCABULARY:
            pairs = collections.Counter()
            for ids, count in words:
                for pair in zip(ids, ids[1:]):
                    pairs[pair] += count
            best = min(pairs, key=lambda pair: (-pairs[pair], pair))
            for ids, _ in words:
                Tokenizer.join(ids, best, 96 + len(merges))
            merges.append(best)
        return Tokenizer(merges)

    @staticmethod
    def join(ids, pair, to):
        i = 0
        while i + 1 < len(ids):
            if (ids[i], ids[i + 1]) == pair:
                ids[i:i + 2] = [to]
            i += 1

    def encode(self, text):
        result = []
        for word in WORD.findall(text):
            if word not in self.known:
                ids = [self.tokens.index(c) for c in word]
                while len(ids) > 1:
                    rank, pair = min((self.ranks.get(pair, VOCABULARY), pair) for pair in zip(ids, ids[1:]))
                    if rank == VOCABULARY:
                        break
                    Tokenizer.join(ids, pair, rank)
                self.known[word] = ids
            result += self.known[word]
        return result

    def write(self, path):
        """One token a line: its id, the two ids it joins (- for single characters), its text in Python's quotes."""
        pairs = {rank: f"{a} {b}" for (a, b), rank in self.ranks.items()}
        path.write_text("".join(f"{i} {pairs.get(i, '- -')} {token!r}\n" for i, token in enumerate(self.tokens)))

    @staticmethod
    def read(path):
        pairs = [line.split(maxsplit=3)[1:3] for line in path.read_text().splitlines()[96:]]
        return Tokenizer([(int(a), int(b)) for a, b in pairs])


def rows(ids):
    """Rows of CONTEXT + 1 tokens, none shared: the network reads the first CONTEXT and predicts the last CONTEXT."""
    count = len(ids) // (CONTEXT + 1)
    return numpy.array(ids[:count * (CONTEXT + 1)], numpy.uint16).reshape(count, CONTEXT + 1)


def tokens(seed):
    """Writes the vocabulary and the rows that are measured and calibrated on, in random order, so that the first few
    come from all over the text. Returns (training ids, held-out rows)."""
    training, held_out = split()
    tokenizer = Tokenizer.learn(training)
    tokenizer.write(WORKLOADS / f"{NAME}_vocabulary.txt")
    ids = tokenizer.encode(training)
    random = numpy.random.Generator(numpy.random.PCG64(seed))
    evaluation = random.permutation(rows(tokenizer.encode(held_out)))
    calibration = random.permutation(rows(ids))[:CALIBRATION_ROWS]
    numpy.save(WORKLOADS / f"{NAME}_heldout.npy", evaluation)
    numpy.save(WORKLOADS / f"{NAME}_calibration.npy", calibration)
    print(f"training part: {len(training)} characters, {len(ids)} tokens; held out: {len(held_out)} characters, "
          f"{len(evaluation)} rows of {CONTEXT + 1} tokens", flush=True)
    return ids, evaluation


# ---- network ----

class RmsNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(DIM))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.scale


def rotate(x, cosine, sine):
    """Rotary positions: the first half of a head's channels are real parts, the second half imaginary parts."""
    real, imaginary = x[..., :HEAD_DIM // 2], x[..., HEAD_DIM // 2:]
    return x * cosine + torch.cat((-imaginary, real), -1) * sine


class Attention(nn.Module):
    """Grouped queries: the HEADS / KV_HEADS query heads of a group share one key and value head. Their queries lie
    below each other as rows of one matrix, so that keys and values need no copies."""

    def __init__(self):
        super().__init__()
        self.q = nn.Linear(DIM, DIM, bias=False)
        self.k = nn.Linear(DIM, KV_HEADS * HEAD_DIM, bias=False)
        self.v = nn.Linear(DIM, KV_HEADS * HEAD_DIM, bias=False)
        self.out = nn.Linear(DIM, DIM, bias=False)

    def forward(self, x, cosine, sine, mask):
        length, group = CONTEXT, HEADS // KV_HEADS
        q = self.q(x).view(-1, length, KV_HEADS, group, HEAD_DIM).permute(0, 2, 3, 1, 4)
        k = self.k(x).view(-1, length, KV_HEADS, HEAD_DIM).transpose(1, 2)
        v = self.v(x).view(-1, length, KV_HEADS, HEAD_DIM).transpose(1, 2)
        q = rotate(q, cosine, sine).reshape(-1, KV_HEADS, group * length, HEAD_DIM)
        k = rotate(k, cosine, sine)
        scores = torch.matmul(q * HEAD_DIM ** -0.5, k.transpose(2, 3))
        scores = scores.view(-1, KV_HEADS, group, length, length) + mask
        weights = functional.softmax(scores, -1).view(-1, KV_HEADS, group * length, length)
        y = torch.matmul(weights, v).view(-1, KV_HEADS, group, length, HEAD_DIM)
        return self.out(y.permute(0, 3, 1, 2, 4).reshape(-1, length, DIM))


class SwiGlu(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(DIM, HIDDEN, bias=False)
        self.up = nn.Linear(DIM, HIDDEN, bias=False)
        self.down = nn.Linear(HIDDEN, DIM, bias=False)

    def forward(self, x):
        return self.down(functional.silu(self.gate(x)) * self.up(x))


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention_norm, self.attention = RmsNorm(), Attention()
        self.mlp_norm, self.mlp = RmsNorm(), SwiGlu()

    def forward(self, x, cosine, sine, mask):
        x = x + self.attention(self.attention_norm(x), cosine, sine, mask)
        return x + self.mlp(self.mlp_norm(x))


class Llama(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, DIM)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = RmsNorm()
        self.head = nn.Linear(DIM, VOCABULARY, bias=False)
        self.head.weight = self.embedding.weight
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                last = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(parameter, 0, 0.02 / math.sqrt(2 * LAYERS) if last else 0.02)
        angle = torch.outer(torch.arange(CONTEXT), 10000 ** (-torch.arange(0, HEAD_DIM, 2) / HEAD_DIM)).repeat(1, 2)
        self.register_buffer("cosine", angle.cos())
        self.register_buffer("sine", angle.sin())
        # Finite, so that no format turns it into an infinity.
        self.register_buffer("mask", torch.full((CONTEXT, CONTEXT), -10000.0).triu(1))

    def forward(self, ids):
        x = self.embedding(ids)
        for layer in self.layers:
            x = layer(x, self.cosine, self.sine, self.mask)
        return self.head(self.norm(x))


def loss_of(model, batch):
    return functional.cross_entropy(model(batch[:, :-1]).reshape(-1, VOCABULARY), batch[:, 1:].reshape(-1))


def held_out_loss(model, evaluation):
    with torch.no_grad():
        losses = [loss_of(model, torch.from_numpy(part.astype(numpy.int64)))
                  for part in numpy.array_split(evaluation, len(evaluation) // 8)]
    return float(torch.stack(losses).mean())


def train(args, path):
    ids, evaluation = tokens(args.seed)
    data = torch.tensor(ids)
    torch.manual_seed(args.seed)
    model = Llama()
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {args.steps} steps of {BATCH * CONTEXT} tokens",
          flush=True)
    matrices = [p for p in model.parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if p.dim() != 2]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}],
                                  lr=RATE, betas=(0.9, 0.95))
    warm = 100
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(
        (step + 1) / warm, 0.05 + 0.475 * (1 + math.cos(math.pi * max(0, step - warm) / max(1, args.steps - warm)))))
    started, total = time.time(), 0.0
    for step in range(1, args.steps + 1):
        first = torch.randint(len(data) - CONTEXT - 1, (BATCH,))
        loss = loss_of(model, torch.stack([data[i:i + CONTEXT + 1] for i in first]))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        total += loss.item()
        if step % 50 == 0:
            print(f"step {step}: loss {total / 50:.4f}, {time.time() - started:.0f} s", flush=True)
            total = 0.0
        if step % 500 == 0 or step == args.steps:
            loss = held_out_loss(model, evaluation)
            print(f"step {step}: held-out loss {loss:.4f}, perplexity {math.exp(loss):.3f}", flush=True)
            torch.save(model.state_dict(), path)


def export(path):
    model = Llama()
    model.load_state_dict(torch.load(path))
    model.eval()
    onnx = WORKLOADS / f"{NAME}.onnx"
    torch.onnx.export(model, torch.zeros(1, CONTEXT, dtype=torch.int64), onnx, opset_version=17,
                      input_names=["ids"], output_names=["logits"],
                      dynamic_axes={"ids": {0: "batch"}, "logits": {0: "batch"}})
    print(f"wrote {onnx} ({onnx.stat().st_size} bytes)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["train", "export", "tokens", "tokenize"])
    parser.add_argument("files", nargs="*", type=pathlib.Path, help="for tokenize: the text and the file to write")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--weights", type=pathlib.Path, default=ROOT / "build" / f"{NAME}.pt")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    if args.command == "tokenize":
        text, out = args.files
        tokenizer = Tokenizer.read(WORKLOADS / f"{NAME}_vocabulary.txt")
        numpy.save(out, rows(tokenizer.encode(text.read_text(encoding="ascii"))))
    elif args.command == "tokens":
        tokens(args.seed)
    else:
        if args.command == "train":
            args.weights.parent.mkdir(exist_ok=True)
            train(args, args.weights)
        export(args.weights)


if __name__ == "__main__":
    main()
