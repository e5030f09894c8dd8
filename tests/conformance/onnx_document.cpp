// SPDX-License-Identifier: Apache-2.0
#include "conformance/onnx_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "network/op.h"

namespace mantissa::conformance {

namespace {

std::string mark(const Result& r) {
  return r.name + (r.constants ? "\\*" : "");
}

std::string join(std::vector<std::string> names) {
  std::ranges::sort(names);
  return fmt::format("{}", fmt::join(names, ", "));
}

bool passed(const Result& r) {
  return r.verdict == Verdict::kPassed;
}

std::string summary(const std::vector<Result>& results) {
  std::string text = "| suite | tests | pass | refused |\n|---|---:|---:|---:|\n";
  std::map<std::string, std::array<int, 3>> counts;
  for (const Result& r : results) {
    ++counts[r.suite][0];
    ++counts[r.suite][passed(r) ? 1 : 2];
  }
  for (const auto& [suite, n] : counts) {
    text += fmt::format("| {} | {} | {} | {} |\n", suite, n[0], n[1], n[2]);
  }
  return text;
}

std::string operators(const std::vector<Result>& results) {
  std::string text = "| operator | opsets tested | tests that pass |\n|---|---|---|\n";
  for (const network::OpInfo& row : network::op_table()) {
    const std::string name(row.name);
    if (name.starts_with("mantissa.")) {
      continue;
    }
    std::vector<std::string> alone;
    std::set<int> opsets;
    int within = 0;
    for (const Result& r : results) {
      if (passed(r) && r.operators.contains(name)) {
        opsets.insert(r.opset);
        r.operators.size() == 1 ? alone.push_back(mark(r)) : static_cast<void>(++within);
      }
    }
    std::string tests = join(alone);
    tests += within > 0
                 ? fmt::format("{}{} graph{} with others", alone.empty() ? "" : "; ", within, within == 1 ? "" : "s")
                 : "";
    text += fmt::format("| {} | {} | {} |\n", name, fmt::join(opsets, ", "),
                        tests.empty() ? "none in the suites; unit tests only" : tests);
  }
  return text;
}

std::string graphs(const std::vector<Result>& results) {
  std::map<std::string, std::vector<std::string>> by_operators;
  for (const Result& r : results) {
    if (passed(r) && r.operators.size() > 1) {
      by_operators[fmt::format("{}", fmt::join(r.operators, ", "))].push_back(mark(r));
    }
  }
  std::string text = "| operators | tests that pass |\n|---|---|\n";
  for (const auto& [names, tests] : by_operators) {
    text += fmt::format("| {} | {} |\n", names, join(tests));
  }
  return text;
}

std::string refusals(const std::vector<Result>& results) {
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> by_reason;
  for (const Result& r : results) {
    if (!passed(r)) {
      by_reason[{fmt::format("{}", fmt::join(r.operators, ", ")), r.reason}].push_back(r.name);
    }
  }
  std::string text = "| operators of the test | reason given | tests |\n|---|---|---|\n";
  for (const auto& [key, tests] : by_reason) {
    std::string reason = key.second;
    for (std::size_t at = 0; (at = reason.find('|', at)) != std::string::npos; at += 2) {
      reason.replace(at, 1, "\\|");
    }
    text += fmt::format("| {} | {} | {} |\n", key.first, reason, join(tests));
  }
  return text;
}

}  // namespace

std::string document(const std::vector<Result>& results) {
  const auto total = std::ranges::count_if(results, passed);
  return fmt::format(
      "# ONNX operators\n\n"
      "<!-- Written by the test conformance_onnx (MANTISSA_UPDATE_DOCS=1 rewrites it); do not edit. -->\n\n"
      "Mantissa imports networks of operator sets 11 to 17 as PyTorch exports them: in floats, or quantized to INT8 "
      "with QuantizeLinear and\n"
      "DequantizeLinear or the integer operators ([quantization.md](quantization.md) says how those run); older forms "
      "of "
      "operators are read where\n"
      "the tests have them. Every test of ONNX's suites for backends (ONNX 1.12, Debian's package libonnx-testdata) "
      "either "
      "passes (imported,\n"
      "computed, and equal to the expected outputs within the suites' own tolerance, relative 1e-3 and absolute 1e-7; "
      "integers exactly) or is\n"
      "refused at import with the reason listed below. Nothing is skipped. Of {} tests, {} pass.\n\n"
      "{}\n"
      "A star marks tests in which shapes, axes or other settings come as inputs of the model and are given as "
      "constants, as in exported\n"
      "networks: a network's shapes are known before it runs.\n\n"
      "## Operators that are supported\n\n{}\n"
      "## Graphs of several operators that pass\n\n{}\n"
      "## Tests that are refused\n\n{}",
      results.size(), total, summary(results), operators(results), graphs(results), refusals(results));
}

}  // namespace mantissa::conformance
