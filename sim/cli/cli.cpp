// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>

#include "base/error.h"
#include "base/text.h"
#include "study/version.h"

namespace mantissa::cli {
namespace {

constexpr int kUsage = 2, kModel = 3, kBug = 70;

std::string options_text(std::span<const Option> options) {
  std::size_t width = 0;
  for (const Option& o : options) {
    width = std::max(width, o.name.size() + (o.value.empty() ? 0 : o.value.size() + 1));
  }
  std::string text;
  for (const Option& o : options) {
    text += fmt::format("  {:<{}}  {}\n", o.value.empty() ? o.name : o.name + " " + o.value, width, o.help);
  }
  return text;
}

void dispatch(std::span<const std::string> words, Streams& streams, std::string& command_name) {
  const std::string first = words.empty() ? "--help" : words.front();
  if (first == "--help" || first == "-h") {
    streams.out << help_text();
    return;
  }
  if (first == "--version") {
    streams.out << "mantissa " << version() << "\n";
    return;
  }
  if (first == "help") {
    if (words.size() < 2) {
      streams.out << help_text();
      return;
    }
    const std::string target[] = {words[1], "--help"};
    dispatch(target, streams, command_name);
    return;
  }
  std::vector<std::string> names;
  for (const Command& command : commands()) {
    names.push_back(command.name);
  }
  const auto at = std::find_if(commands().begin(), commands().end(), [&](const Command& c) { return c.name == first; });
  if (at == commands().end()) {
    const char* kind = first.starts_with("-") ? "option" : "command";
    throw UsageError(fmt::format("unknown {} '{}'{}", kind, first, suggestion(first, names)));
  }
  command_name = at->name;
  const auto rest = words.subspan(1);
  if (std::any_of(rest.begin(), rest.end(), [](const std::string& w) { return w == "--help" || w == "-h"; })) {
    streams.out << help_text(*at);
    return;
  }
  at->execute(Arguments(rest, at->options), streams);
}

}  // namespace

std::span<const Command> commands() {
  static const std::vector<Command> all = {
      run_command(),  compare_command(),     list_command(),    explain_command(), dot_command(),
      cast_command(), sensitivity_command(), mixed_command(),   sweep_command(),   merge_command(),
      plot_command(), show_command(),        validate_command()};
  return all;
}

std::string version() {
  return study::version();
}

std::string help_text() {
  std::string text =
      "Mantissa computes what an AI chip computes: how fast a network runs on it, at how many watts, and how much\n"
      "accuracy its arithmetic costs against FP32.\n\n"
      "usage: mantissa COMMAND [OPTIONS]\n\ncommands:\n";
  for (const Command& command : commands()) {
    text += fmt::format("  {:<11} {}\n", command.name, command.summary);
  }
  text +=
      "\n  mantissa COMMAND --help   explains a command\n  mantissa --version\n\nexamples:\n"
      "  mantissa list\n"
      "  mantissa run h100_sxm resnet50 --precision fp16 --batch 8\n"
      "  mantissa compare configs/compare_fashion.yaml\n\n"
      "exit codes: 0 done; 1 a comparison found differences; 2 a mistake in the command line or a file; 3 the "
      "modelled\n"
      "machine cannot run this; 70 a bug\n";
  return text;
}

std::string help_text(const Command& command) {
  std::string text = fmt::format("usage: mantissa {}\n\n{}\n", command.synopsis, command.details);
  if (!command.options.empty()) {
    text += "\noptions:\n" + options_text(command.options);
  }
  text += "\nexamples:\n";
  for (const std::string& example : command.examples) {
    text += "  " + example + "\n";
  }
  return text;
}

int execute(std::span<const std::string> words, Streams& streams) {
  std::string command;
  try {
    dispatch(words, streams, command);
    streams.out.flush();
    if (!streams.out) {
      throw UsageError("cannot write to standard output; is the disk full?");
    }
    return streams.exit_code;
  } catch (const UsageError& e) {
    streams.err << "mantissa: error: " << e.what() << "\n"
                << fmt::format("see: mantissa {}{}--help\n", command, command.empty() ? "" : " ");
    return kUsage;
  } catch (const ConfigError& e) {
    streams.err << e.what() << "\n";
    return kUsage;
  } catch (const ModelError& e) {
    streams.err << "mantissa: error: the modelled machine cannot run this: " << e.what() << "\n";
    return kModel;
  } catch (const std::bad_alloc&) {
    streams.err << "mantissa: error: this machine's memory is not enough for the run; try a smaller --batch or fewer "
                   "--images\n";
    return kModel;
  } catch (const std::exception& e) {
    streams.err << "mantissa: internal error: " << e.what() << "\n"
                << "This is a bug in Mantissa. Please report it with the command line, the files and this message.\n";
    return kBug;
  }
}

}  // namespace mantissa::cli
