# SPDX-License-Identifier: Apache-2.0
"""A sweep that is killed at 20 random moments and resumed writes the same results as one that is not, byte for byte."""
import contextlib
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time

BINARY = os.path.abspath(sys.argv[1])
KILLS = 20
LAYER = """name: layer
summary: one layer
network:
  input: {name: x, shape: [256]}
  layers:
    - linear: {features: 512}
"""
SWEEP = """title: A sweep to kill
measure: [latency, energy]
chip: tpu_v4
workload: layer.yaml
precision: bf16
axes:
  - chip.tpu.rows: [32, 64, 128, 256]
  - chip.dram.channels: [4, 8, 16, 32]
  - chip.staging.depth: [2, 3, 4, 5]
"""


def command(database, csv):
    return [BINARY, "sweep", "sweep.yaml", "--db", database, "--csv", csv, "--jobs", "2"]


def stored(database):
    """Keys that a reader finds; the file must be sound at any moment."""
    if not os.path.exists(database) or os.path.getsize(database) == 0:
        return set()
    with contextlib.closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            return set()
        return {row[0] for row in connection.execute("SELECT key FROM points")}


def read(path):
    with open(path, "rb") as file:
        return file.read()


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name, text in (("layer.yaml", LAYER), ("sweep.yaml", SWEEP)):
            with open(name, "w", encoding="utf-8") as file:
                file.write(text)
        start = time.monotonic()
        subprocess.run(command("whole.db", "whole.csv"), check=True, stdout=subprocess.DEVNULL)
        duration = time.monotonic() - start
        whole = read("whole.csv")
        assert whole.count(b"\n") == 65 and b"error:" not in whole, whole.decode()

        start = time.monotonic()
        again = subprocess.run(command("whole.db", "again.csv"), check=True, stdout=subprocess.PIPE, text=True).stdout
        startup = time.monotonic() - start
        assert "whole.db: 64 points, 0 of them new" in again and read("again.csv") == whole, again

        moments = random.Random(4)
        kills = in_the_middle = 0
        known = set()
        while kills < KILLS or (in_the_middle < 5 and kills < 10 * KILLS):
            process = subprocess.Popen(command("cut.db", "cut.csv"), stdout=subprocess.DEVNULL)
            time.sleep(moments.random() * (2 * startup + duration / 6))
            ended = process.poll() is not None
            process.kill()
            process.wait()
            now = stored("cut.db")
            assert known <= now, "a finished point was lost"
            known = now
            if ended:  # before it was killed: from the start again
                assert process.returncode == 0 and read("cut.csv") == whole
                os.remove("cut.db")
                known = set()
                continue
            kills += 1
            in_the_middle += 0 < len(known) < 64
        last = subprocess.run(command("cut.db", "cut.csv"), check=True, stdout=subprocess.PIPE, text=True).stdout
        assert f"cut.db: 64 points, {64 - len(known)} of them new" in last, last
        assert read("cut.csv") == whole
        assert in_the_middle > 0, "no kill fell into the run"
        subprocess.run([BINARY, "merge", "merged.db", "cut.db"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(command("merged.db", "merged.csv"), check=True, stdout=subprocess.DEVNULL)
        assert read("merged.csv") == whole


if __name__ == "__main__":
    main()
