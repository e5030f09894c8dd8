#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the commands that the documents quote, as written.

Every line of a ```sh block in README.md and docs/*.md that starts with `mantissa` or `build/.../mantissa` is run in the repository's
folder with the given binary; it must exit 0 and say nothing on standard error. --images 20 is added to commands that
measure accuracy; files that commands write, databases and plots too, are in a folder that is removed. Plots are left out
where gnuplot is not installed.
"""
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

HOME = pathlib.Path(__file__).resolve().parents[2]
COMMAND = re.compile(r"^(?:\$ )?(?:build/\S*/)?mantissa\s+(.*)$")


def quoted_commands():
    for document in [HOME / "README.md", *sorted((HOME / "docs").glob("**/*.md"))]:
        if not document.exists():
            continue
        for block in re.findall(r"^```sh\n(.*?)^```", document.read_text(), re.M | re.S):
            for line in block.replace("\\\n", " ").split("\n"):
                match = COMMAND.match(line.strip())
                if match:
                    yield document.relative_to(HOME), match.group(1)


def prepare(words, folder):
    """Writes results into `folder` and keeps the run short."""
    words = [w for w in words if w not in (">", "|")]
    words = [str(pathlib.Path(folder, pathlib.Path(w).name)) if w.endswith((".db", ".svg", ".png", ".gp")) else w for w in words]
    for i, word in enumerate(words):
        if word == "--json" and words[i + 1] != "-":
            words[i + 1] = str(pathlib.Path(folder, pathlib.Path(words[i + 1]).name))
    if words[0] == "sweep" and "--dry-run" not in words and "--db" not in words:
        words += ["--db", str(pathlib.Path(folder, pathlib.Path(words[1]).stem + ".db"))]
    if words[:2] == ["plot", "roofline"]:
        words[2] = str(pathlib.Path(folder, pathlib.Path(words[2]).name))
    if words[0] in ("run", "compare") and "--no-accuracy" not in words and "--images" not in words and "--help" not in words:
        words += ["--images", "20"]
    return words


def main():
    binary = pathlib.Path(sys.argv[1]).resolve()
    failed, done = False, set()
    with tempfile.TemporaryDirectory() as folder:
        for document, text in quoted_commands():
            words = shlex.split(text.split(" > ")[0].split(" | ")[0], comments=True)
            if words[0] == "plot" and not shutil.which("gnuplot"):
                continue
            words = prepare(words, folder)
            if tuple(words) in done:
                continue
            done.add(tuple(words))
            result = subprocess.run([binary, *words], cwd=HOME, capture_output=True, text=True, timeout=600)
            if result.returncode != 0 or result.stderr:
                print(f"{document}: mantissa {text}\nexit code {result.returncode}\n{result.stderr}")
                failed = True
    print(f"{len(done)} commands")
    sys.exit(1 if failed else 0)


main()
