#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs one case of a user's mistake and compares what the program says with what it should say, to the letter.

A case file (cases/*.case) is a list of sections, each begun by a line with '@':
  @run ARGUMENTS            the command line after `mantissa`; runs in an empty folder that holds only the files below
  @first ARGUMENTS          another command line, which runs before it in the same folder and succeeds
  @file NAME                a file with the lines that follow
  @edit NAME FROM           a copy of home's file FROM with replacements: '-' lines, which must occur once, give way to
                            the '+' lines that follow them
  @bytes NAME               a file given as Python bytes literals, one for each line
  @exit CODE                2 where absent
  @stderr                   the exact text; {home} stands for home/, where the program finds its shipped files
Standard output must be empty. `run_case.py --binary B --update CASE...` rewrites the @stderr sections.
"""
import argparse
import ast
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

HOME = pathlib.Path(__file__).resolve().parent / "home"


def sections(text):
    current = None
    for line in text.split("\n"):
        if line.startswith("@"):
            if current:
                yield current
            current = (line[1:].split(" ", 1) + [""])[:2] + [[]]
        elif current:
            current[2].append(line)
    if current:
        yield current


def strip_end(lines):
    while lines and lines[-1] == "":
        lines = lines[:-1]
    return lines


def edited(source, lines):
    text = "\n" + (HOME / source).read_text()
    old, new = [], []

    def apply(text):
        before, after = ("\n" + "\n".join(part) + "\n" for part in (old, new))
        if text.count(before) != 1:
            sys.exit(f"{source} holds {text.count(before)} times, not once:\n{before}")
        return text.replace(before, after)

    for line in strip_end(lines):
        if line.startswith("-"):
            if new:
                text, old, new = apply(text), [], []
            old.append(line[1:])
        elif line.startswith("+"):
            new.append(line[1:])
        else:
            sys.exit(f"an @edit section has '-' and '+' lines only: {line}")
    return (apply(text) if old else text)[1:]


def run(binary, parsed):
    with tempfile.TemporaryDirectory() as folder:
        arguments, first, exit_code = [], [], 2
        for kind, argument, lines in parsed:
            path = pathlib.Path(folder, argument.split(" ")[0]) if kind in ("file", "edit", "bytes") else None
            if path:
                path.parent.mkdir(parents=True, exist_ok=True)
            if kind == "run":
                arguments = shlex.split(argument)
            elif kind == "first":
                first.append(shlex.split(argument))
            elif kind == "file":
                path.write_text("\n".join(strip_end(lines)) + "\n")
            elif kind == "edit":
                path.write_text(edited(argument.split(" ")[1], lines))
            elif kind == "bytes":
                path.write_bytes(b"".join(ast.literal_eval(line) for line in strip_end(lines)))
            elif kind == "exit":
                exit_code = int(argument)
            elif kind != "stderr":
                sys.exit(f"unknown section @{kind}")
        environment = dict(os.environ, MANTISSA_HOME=str(HOME), TMPDIR=folder)
        for words in first:
            subprocess.run([binary, *words], cwd=folder, env=environment, stdout=subprocess.DEVNULL, timeout=120, check=True)
        result = subprocess.run([binary, *arguments], cwd=folder, env=environment, capture_output=True, timeout=120)
        said = result.stderr.decode("utf-8", "replace").replace(str(HOME), "{home}")
        return result.returncode, result.stdout, said, exit_code


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("cases", nargs="+")
    options = parser.parse_args()
    failed = False
    for name in options.cases:
        text = pathlib.Path(name).read_text()
        parsed = list(sections(text))
        code, out, said, exit_code = run(os.path.abspath(options.binary), parsed)
        if options.update:
            pathlib.Path(name).write_text(text.split("\n@stderr")[0].rstrip("\n") + "\n@stderr\n" + said)
        expected = "".join("\n".join(strip_end(lines)) + "\n" for kind, _, lines in parsed if kind == "stderr")
        if not options.update and said != expected:
            print(f"{name}: standard error differs\n--- expected\n{expected}--- said\n{said}---")
            failed = True
        if code != exit_code:
            print(f"{name}: exit code {code}, expected {exit_code}\n{said}")
            failed = True
        if out:
            print(f"{name}: standard output is not empty:\n{out[:500]}")
            failed = True
    sys.exit(1 if failed else 0)


main()
