// SPDX-License-Identifier: Apache-2.0
// The program. SystemC wants to own main() and prints a banner before it calls sc_main(); this main() silences it
// first, so that standard output holds results only.
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <systemc>
#include <vector>

#include "cli/cli.h"

int sc_main(int argc, char** argv) {
  using namespace mantissa;
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  const char* no_color = std::getenv("NO_COLOR");
  const bool colour = isatty(STDOUT_FILENO) != 0 && (no_color == nullptr || *no_color == '\0');
  cli::Streams streams{std::cout, std::cerr, isatty(STDERR_FILENO) != 0, report::Style{colour}};
  return cli::execute(words, streams);
}

int main(int argc, char** argv) {
  setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", 1);
  setenv("SC_COPYRIGHT_MESSAGE", "DISABLE", 1);
  return sc_core::sc_elab_and_sim(argc, argv);
}
