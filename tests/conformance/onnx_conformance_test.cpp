// SPDX-License-Identifier: Apache-2.0
// Every case of ONNX's backend tests passes or is refused by name, and docs/onnx.md says which. Since the page lists
// all that pass, support cannot shrink unnoticed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "conformance/onnx_document.h"

namespace mantissa::conformance {
namespace {

const std::string kPage = std::string(MANTISSA_SOURCE_DIR) + "/docs/onnx.md";

const std::vector<Result>& results() {
  static const std::vector<Result> kResults = run_all();
  return kResults;
}

#define SKIP_WITHOUT_DATA()                                                                           \
  if (results().empty()) {                                                                            \
    GTEST_SKIP() << "no ONNX test data in " << kTestData << "; install the package libonnx-testdata"; \
  }

TEST(OnnxConformance, EveryTestPassesOrIsRefusedByName) {
  SKIP_WITHOUT_DATA();
  for (const Result& r : results()) {
    EXPECT_NE(r.verdict, Verdict::kFailed) << r.suite << "/test_" << r.name << ": " << r.reason;
    EXPECT_TRUE(r.verdict != Verdict::kRefused || !r.reason.empty()) << r.suite << "/test_" << r.name;
  }
}

TEST(OnnxConformance, DocumentationListsWhatPassesAndWhatIsRefused) {
  SKIP_WITHOUT_DATA();
  const std::string text = document(results());
  if (std::getenv("MANTISSA_UPDATE_DOCS") != nullptr) {
    std::ofstream(kPage, std::ios::binary) << text;
  }
  std::ifstream file(kPage, std::ios::binary);
  std::stringstream committed;
  committed << file.rdbuf();
  EXPECT_TRUE(committed.str() == text)
      << "docs/onnx.md is not what the tests give now; run this test with MANTISSA_UPDATE_DOCS=1 and "
         "read the difference";
}

}  // namespace
}  // namespace mantissa::conformance
