#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The program from outside: help, streams, JSON, and that the same run gives the same bytes."""
import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile
import unittest

HOME = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(sys.argv.pop(1)).resolve()


def mantissa(arguments, **environment):
    return subprocess.run([BINARY, *shlex.split(arguments)], cwd=HOME, capture_output=True, text=True, timeout=600,
                          env=dict(os.environ, **environment))


class Program(unittest.TestCase):
    def test_every_command_has_help_with_examples(self):
        text = mantissa("--help").stdout
        for command in ("run", "compare", "list", "explain", "dot", "cast"):
            self.assertIn(f"  {command} ", text)
            for form in (f"{command} --help", f"help {command}", f"{command} -h"):
                result = mantissa(form)
                self.assertEqual(result.returncode, 0)
                self.assertTrue(result.stdout.startswith(f"usage: mantissa {command}"))
                self.assertIn("examples:\n  mantissa " + command, result.stdout)
                self.assertEqual(result.stderr, "")

    def test_says_its_version(self):
        self.assertRegex(mantissa("--version").stdout, r"^mantissa \d+\.\d+\.\d+\+[0-9a-f]{12}\n$")

    def test_without_arguments_it_helps(self):
        result = mantissa("")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("usage: mantissa COMMAND", result.stdout)

    def test_lists_what_is_shipped(self):
        text = mantissa("list").stdout
        for name in ("ane_a17_pro", "tpu_v4", "h100_sxm", "fashion_resnet", "resnet50", "fp8_e4m3", "e8m13"):
            self.assertIn(name, text)
        self.assertNotIn("not usable", text)

    def test_explains_a_key_with_values_and_sources(self):
        text = mantissa("explain tpu.rows").stdout
        self.assertIn("tpu.rows (chip files):", text)
        self.assertIn("tpu_v4       128", text)
        self.assertIn("source: ", text)

    def test_json_is_alone_on_its_stream_and_the_same_each_time(self):
        first = mantissa("run tpu_v4 resnet50 --json -")
        self.assertEqual(first.returncode, 0)
        self.assertEqual(first.stderr, "")
        result = json.loads(first.stdout)
        self.assertEqual(result["schema_version"], 1)
        self.assertEqual(first.stdout, mantissa("run tpu_v4 resnet50 --json -").stdout)

    def test_a_table_and_a_json_file_say_the_same(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "r.json")
            result = mantissa(f"run ane_a17_pro mobilenetv3_small --json {path}")
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            run = json.loads(path.read_text())["results"][0]
            self.assertIn(run["workload"], result.stdout)
            self.assertIn(f"{run['totals']['timeline']['total_cycles']:,} cycles", result.stdout)
            self.assertLessEqual(max(map(len, result.stdout.split("\n"))), 120)

    def test_results_keep_their_laws(self):
        for chip, precision in (("ane_a17_pro", "int8"), ("tpu_v4", "bf16"), ("h100_sxm", "fp16")):
            run = json.loads(mantissa(f"run {chip} resnet50 --precision {precision} --json -").stdout)["results"][0]
            for kernel in run["kernels"]:
                timeline = kernel["counters"]["timeline"]
                parts = sum(value for key, value in timeline.items() if key != "total_cycles")
                self.assertEqual(parts, timeline["total_cycles"], kernel["name"])
                self.assertGreaterEqual(kernel["time_s"], kernel["roofline_s"] * (1 - 1e-9), kernel["name"])
            energy = dict(run["energy"])
            total = energy.pop("total_j")
            self.assertAlmostEqual(sum(energy.values()), total, delta=1e-9 * total)
            macs = sum(k["repeat_count"] * k["counters"]["macs_count"] for k in run["kernels"])
            self.assertEqual(macs, run["macs_count"])

    def test_dot_products_of_the_golden_tables_agree_and_the_open_row_does_not(self):
        tables = "tests/data/numerics/tensorcore_"
        result = mantissa(f"dot --datapath h100_sxm.fp16 --expect {tables}h200silicon_fp16_f32.csv.gz")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(result.stdout, "1,500 rows through h100_sxm.fp16: no difference from column d_hex\n")
        result = mantissa(f"dot --datapath h100_sxm.tf32 --expect d_mmasim {tables}hopper_tf32_f32_mmasim.csv.gz")
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        self.assertRegex(result.stdout, r" 253 .* 072181cd  a993c000  a993da40  6,720\n1 of 453 rows ")

    def test_dot_reads_standard_input_and_what_it_writes(self):
        rows = "a,b,c\n3c003c00,3c004000,3f800000\n"  # 1*1 + 1*2 + 1
        command = [BINARY, "dot", "--datapath", "h100_sxm.fp16", "-"]
        first = subprocess.run(command, cwd=HOME, input=rows, capture_output=True, text=True, timeout=60)
        self.assertEqual((first.returncode, first.stdout), (0, "a,b,c,d\n3c003c00,3c004000,3f800000,40800000\n"))
        second = subprocess.run([*command, "--expect"], cwd=HOME, input=first.stdout, capture_output=True, text=True,
                                timeout=60)
        self.assertEqual((second.returncode, second.stderr), (0, ""))

    def test_casts_of_the_golden_tables_agree(self):
        tables = {"bf16_to_fp8": ["--to e4m3 --no-saturate --expect e4m3fn_nosat", "--to e5m2 --expect",
                                  "--to e5m2 --saturate --keep-infinity --expect e5m2_sat"],
                  "fp16_to_fp8": ["--to e4m3 --expect", "--expect e5m2_nosat"],
                  "bf16_to_mx": ["--to e2m3 --expect", "--to e3m2 --expect", "--to e2m1 --expect"],
                  "fp32_to_small": ["--to bf16 --expect", "--to bf16 --rounding toward_zero --expect bf16_rz",
                                    "--to fp16 --expect", "--to tf32 --rounding nearest_away --expect"],
                  "decode_e5m2": ["--from e5m2 --to fp32 --expect value_f32_bits"],
                  "decode_e2m1fn": ["--from e2m1 --to fp32 --expect value_f32_bits"]}
        for table, options in tables.items():
            for option in options:
                result = mantissa(f"cast {option} tests/data/numerics/{table}.csv.gz")
                self.assertEqual((result.returncode, result.stderr), (0, ""), f"{table} {option}\n{result.stdout}")
        result = mantissa("cast --to e4m3 --saturate --expect e4m3fn_nosat tests/data/numerics/bf16_to_fp8.csv.gz")
        self.assertEqual(result.returncode, 1)
        self.assertIn("bf16  expected  got     apart\n", result.stdout)

    def test_colour_only_on_a_terminal(self):
        self.assertNotIn("\x1b", mantissa("list").stdout)

    def test_a_home_without_files_is_a_mistake(self):
        result = mantissa("list", MANTISSA_HOME="/nowhere")
        self.assertEqual(result.returncode, 2)
        self.assertIn("MANTISSA_HOME is '/nowhere'", result.stderr)

    def test_a_full_disk_is_told(self):
        with open("/dev/full", "w") as full:
            result = subprocess.run([BINARY, "list"], cwd=HOME, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(result.returncode, 2)
        self.assertIn("cannot write to standard output", result.stderr)


unittest.main()
