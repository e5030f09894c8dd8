#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`mantissa validate` from outside: every shipped table is read, no row is lost, the errors are those of the rows, and the same
run gives the same bytes with any number of processes. Accuracy itself is not judged here but by docs/validation.md.
"""
import csv
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

HOME = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(sys.argv.pop(1)).resolve()
KERNELS = HOME / "configs/measured/tpu_v4/kernels.csv"


def mantissa(*words):
    return subprocess.run([BINARY, *map(str, words)], cwd=HOME, capture_output=True, text=True, timeout=900)


class Validate(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def some_kernels(self, step):
        """Every step-th row of the TPU v4 kernels, in a file."""
        rows = list(csv.reader(KERNELS.open()))
        path = pathlib.Path(self.folder.name, "kernels.csv")
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([rows[0], *rows[1::step]])
        return path, len(rows[1::step])

    def test_no_row_is_lost_and_statistics_follow_from_the_rows(self):
        path, count = self.some_kernels(40)
        result = mantissa("validate", "tpu_v4", "--data", path, "--json", "-")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        data = json.loads(result.stdout)
        self.assertEqual(len(data["rows"]) + len(data["not_modelled"]), count)
        self.assertGreater(len(data["rows"]), 0.9 * count)
        for group in data["groups"]:
            errors = [r["simulated"] / r["measured"] - 1 for r in data["rows"] if r["group"] == group["group"]]
            self.assertEqual(len(errors), group["simulated_count"])
            if errors:
                self.assertAlmostEqual(sum(map(abs, errors)) / len(errors), group["mean_absolute_error_ratio"], 9)
                self.assertAlmostEqual(sum(errors) / len(errors), group["mean_error_ratio"], 9)
                self.assertAlmostEqual(max(map(abs, errors)), abs(group["worst_error_ratio"]), 9)
        for row in data["not_modelled"]:
            self.assertTrue(row["reason"])

    def test_the_same_bytes_with_any_number_of_processes_and_in_any_order_of_work(self):
        path, _ = self.some_kernels(60)
        one = mantissa("validate", "tpu_v4", "--data", path, "--csv", "-", "--jobs", 1)
        three = mantissa("validate", "tpu_v4", "--data", path, "--csv", "-", "--jobs", 3)
        self.assertEqual(one.stdout, three.stdout)
        self.assertEqual({row["id"] for row in csv.DictReader(io.StringIO(one.stdout))},
                         {row["id"] for row in csv.DictReader(path.open())})

    def test_another_chip_can_be_held_against_the_rows_of_a_chip(self):
        path, _ = self.some_kernels(200)
        slow = pathlib.Path(self.folder.name, "slow.yaml")
        slow.write_text((HOME / "configs/tpu_v4.yaml").read_text().replace("\nname: tpu_v4\n", "\nname: slow\n")
                        .replace("clock_mhz: 1050\n", "clock_mhz: 525\n"))
        self.assertEqual(mantissa("validate", slow, "--data", path).returncode, 2)
        result = mantissa("validate", slow, "--data", path, "--measured-on", "tpu_v4", "--json", "-")
        self.assertEqual(result.returncode, 0, result.stderr)
        normal = json.loads(mantissa("validate", "tpu_v4", "--data", path, "--json", "-").stdout)
        times = {r["id"]: r["simulated"] for r in normal["rows"]}
        rows = json.loads(result.stdout)["rows"]
        self.assertTrue(any(r["simulated"] > 1.2 * times[r["id"]] for r in rows))

    def test_the_plot_is_a_script_of_gnuplot(self):
        path, _ = self.some_kernels(200)
        plot = pathlib.Path(self.folder.name, "errors.gp")
        result = mantissa("validate", "tpu_v4", "--data", path, "--plot", plot)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("set logscale", plot.read_text())
        self.assertIn("mean abs. error", result.stdout)

    def test_every_shipped_table_is_of_a_known_kind_and_names_no_row_twice(self):
        tables = sorted((HOME / "configs/measured").glob("*/*.csv"))
        self.assertGreaterEqual(len(tables), 6)
        readme = (HOME / "configs/measured/README.md").read_text()
        for table in tables:
            with self.subTest(table=table.name):
                self.assertIn(f"{table.parent.name}/{table.name}", readme)
                names = [row[0] for row in csv.reader(table.open()) if row][1:]
                if table.name in ("kernels.csv", "models.csv"):
                    self.assertEqual(len(names), len(set(names)))


unittest.main()
