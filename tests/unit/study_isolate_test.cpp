// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "base/error.h"
#include "study/isolate.h"

namespace mantissa::study {
namespace {

template <class Error>
std::string message_of(const std::function<std::string()>& work) {
  try {
    run_isolated(work);
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

TEST(RunIsolated, BringsBytesBackWhateverTheyAre) {
  std::string bytes(3 << 20, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(i * 7);
  }
  EXPECT_EQ(run_isolated([&] { return bytes; }), bytes);
  EXPECT_EQ(run_isolated([] { return std::string(); }), "");
}

TEST(RunIsolated, LeavesTheCallersMemoryAlone) {
  int value = 1;
  run_isolated([&] {
    value = 2;
    return std::string();
  });
  EXPECT_EQ(value, 1);
}

TEST(RunIsolated, ErrorsKeepTheirKind) {
  EXPECT_EQ(message_of<ModelError>([]() -> std::string { throw ModelError("tpu.vmem", "too small: 3"); }),
            "tpu.vmem: too small: 3");
  EXPECT_EQ(message_of<std::logic_error>([]() -> std::string { throw std::logic_error("ours"); }), "ours");
  EXPECT_EQ(message_of<std::runtime_error>([]() -> std::string { throw std::runtime_error("other"); }), "other");
}

TEST(RunIsolated, ADeadProcessIsAnErrorThatNamesTheSignal) {
  EXPECT_THAT(message_of<std::runtime_error>([]() -> std::string {
                raise(SIGKILL);
                return "";
              }),
              ::testing::HasSubstr("signal 9"));
}

}  // namespace
}  // namespace mantissa::study
