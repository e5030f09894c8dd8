// SPDX-License-Identifier: Apache-2.0
// SystemC owns main(); tests that use it start here. Each TEST runs in its own process (gtest_discover_tests), because
// one process can elaborate only once.
#include <gtest/gtest.h>

#include <systemc>

int sc_main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
