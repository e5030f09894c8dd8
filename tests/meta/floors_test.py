#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""House rules that a program can see (docs/architecture.md): no floor includes one above it, SystemC and yaml-cpp stay where they belong,
headers are self-contained in form, files stay small, no loose ends."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FLOORS = ["base", "numerics", "config", "network", "quantize", "execute", "energy", "hardware", "chips", "report", "study", "cli"]
# energy and hardware stand beside network, quantize and execute: they know chips' facts, not networks.
FORBIDDEN = {"energy": {"network", "quantize", "execute"}, "hardware": {"network", "quantize", "execute"},
             "report": {"network", "quantize", "execute", "hardware", "chips"}, "chips": {"quantize", "execute"}}
SYSTEMC = {"hardware", "chips", "study", "cli"}
LONGEST = 500


def problems():
    for path in sorted((ROOT / "sim").rglob("*")):
        if path.suffix not in (".h", ".cpp"):
            continue
        name = path.relative_to(ROOT)
        floor = name.parts[1]
        text = path.read_text()
        lines = text.splitlines()
        for number, line in enumerate(lines, 1):
            if match := re.match(r'#include "(\w+)/', line):
                other = match[1]
                if other not in FLOORS:
                    yield f"{name}:{number}: includes \"{other}/...\", which is no floor"
                elif FLOORS.index(other) > FLOORS.index(floor) or other in FORBIDDEN.get(floor, ()):
                    yield f"{name}:{number}: {floor} includes {other}, which is not below it"
            if re.match(r"#include <(systemc|tlm)", line) and floor not in SYSTEMC:
                yield f"{name}:{number}: SystemC only where time passes ({', '.join(sorted(SYSTEMC))})"
            if "#include <systemc.h>" in line:
                yield f"{name}:{number}: include <systemc>, not <systemc.h>"
            if re.match(r"#include <yaml-cpp", line) and floor != "config":
                yield f"{name}:{number}: only config reads YAML"
            if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
                yield f"{name}:{number}: a loose end"
            if floor != "cli" and re.search(r"std::(cout|cerr|exit|abort)\b|\bprintf\(", line):
                yield f"{name}:{number}: the library never prints, exits or aborts"
        if not lines or lines[0] != "// SPDX-License-Identifier: Apache-2.0":
            yield f"{name}:1: the first line names the licence"
        if path.suffix == ".h" and not path.name.endswith("-inl.h") and "#pragma once" not in text:
            yield f"{name}: no #pragma once"
        if len(lines) > LONGEST:
            yield f"{name}: {len(lines)} lines, at most {LONGEST}"


def main():
    found = list(problems())
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
