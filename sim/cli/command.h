// SPDX-License-Identifier: Apache-2.0
// The commands of the program. A command gets its words and two streams, prints results on `out` and nothing else, and
// throws what goes wrong; cli.cpp turns that into messages on `err` and exit codes.
#pragma once
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "report/text_table.h"

namespace mantissa::cli {

struct Streams {
  std::ostream& out;
  std::ostream& err;
  bool progress = false;  // err is a terminal
  report::Style style;    // colour where out is a terminal
  int exit_code = 0;      // of a command that throws nothing: 1 where a comparison found differences
};

struct Command {
  std::string name;
  std::string synopsis;  // after "mantissa "
  std::string summary;   // for the list of commands
  std::string details;   // paragraphs for --help
  std::vector<Option> options;
  std::vector<std::string> examples;
  void (*execute)(const Arguments&, Streams&);
};

Command run_command();
Command compare_command();
Command list_command();
Command explain_command();
Command dot_command();
Command cast_command();
Command sensitivity_command();
Command mixed_command();
Command sweep_command();
Command merge_command();
Command show_command();
Command plot_command();
Command validate_command();

// Options that `run` and `compare` share, and what they mean.
std::vector<Option> study_options();

std::span<const Command> commands();
std::string version();
std::string help_text();
std::string help_text(const Command& command);

}  // namespace mantissa::cli
