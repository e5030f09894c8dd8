#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws a plot of each kind with the real gnuplot and looks into the pictures. Skipped where gnuplot is missing."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml

BINARY = pathlib.Path(sys.argv.pop(1)).resolve()
EVIL = "a'; system(\"touch pwned\") `touch pwned` <script>alert(1)</script> & $x @m"
SWEEP = """
schema: 1
title: %s
measure: [latency, energy, accuracy]
chip: ane_a17_pro
workload: fashion_mobilenet
images: 20
axes:
  - precision: [int8, fp16]
  - batch: [1, 2, 4]
"""


@unittest.skipUnless(shutil.which("gnuplot"), "gnuplot is not installed (Debian: gnuplot-nox)")
class Plots(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.scratch.name)
        cls.mantissa("run", "tpu_v4", "mobilenetv3_small", "--json", "run.json")
        (cls.folder / "sweep.yaml").write_text(SWEEP % ("'" + EVIL.replace("'", "''") + "'"))
        cls.mantissa("sweep", "sweep.yaml")

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    @classmethod
    def mantissa(cls, *words, code=0, **environment):
        result = subprocess.run([BINARY, *words], cwd=cls.folder, capture_output=True, text=True, timeout=300,
                                env=dict(os.environ, **environment))
        assert result.returncode == code, f"{words}: exit code {result.returncode}\n{result.stderr}"
        assert code != 0 or result.stderr == "", result.stderr
        return result

    def svg(self, *words):
        self.mantissa("plot", *words, "-o", "plot.svg")
        tree = xml.parse(self.folder / "plot.svg")
        return "\n".join("".join(e.itertext()) for e in tree.iter("{http://www.w3.org/2000/svg}text"))

    def test_roofline(self):
        text = self.svg("roofline", "run.json")
        for part in ("mobilenetv3_small on Google TPU v4, bf16, batch 1", "peak 275.3 TOPS", "DRAM 1,229 GB/s",
                     "bound by, share of time"):
            self.assertIn(part, text)

    def test_curve(self):
        text = self.svg("curve", "sweep.db", "--x", "batch", "--y", "inputs_per_s")
        for part in ("throughput, inputs/s", "batch, inputs", "int8", "fp16"):
            self.assertIn(part, text)

    def test_pareto(self):
        text = self.svg("pareto", "sweep.db", "--x", "latency_s", "--y", "energy_per_input_j")
        self.assertIn("6 points", text)
        self.assertIn("on the front", text)

    def test_accuracy(self):
        text = self.svg("accuracy", "sweep.db", "--only", "batch=1")
        self.assertIn("top-1 accuracy below FP32, points", text)
        self.assertIn("95 % interval", text)

    def test_texts_of_files_run_nothing_and_stay_texts(self):
        self.assertIn("a'; system(\"touch pwned\") `touch pwned` <script>",
                      self.svg("curve", "sweep.db", "--x", "batch", "--y", "latency_s"))
        self.assertFalse((self.folder / "pwned").exists())

    def test_png_and_script(self):
        words = ("plot", "curve", "sweep.db", "--x", "batch", "--y", "latency_s", "-o")
        self.mantissa(*words, "plot.png")
        self.assertEqual((self.folder / "plot.png").read_bytes()[:8], b"\x89PNG\r\n\x1a\n")
        self.mantissa(*words, "plot.gp")
        self.mantissa(*words, "plot.svg")
        drawn = subprocess.run(["gnuplot", "-d", "plot.gp"], cwd=self.folder, capture_output=True, timeout=60)
        self.assertEqual(drawn.stderr, b"")
        self.assertEqual(drawn.stdout, (self.folder / "plot.svg").read_bytes())

    def test_without_gnuplot_it_says_what_to_install(self):
        words = ("plot", "roofline", "run.json", "-o")
        result = self.mantissa(*words, "other.svg", code=2, PATH="/nowhere")
        self.assertIn("gnuplot is not installed; it draws the plots (Debian: apt-get install gnuplot-nox)", result.stderr)
        self.assertFalse((self.folder / "other.svg").exists())
        self.mantissa(*words, "other.gp", PATH="/nowhere")


unittest.main()
