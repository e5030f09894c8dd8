// SPDX-License-Identifier: Apache-2.0
// The errors of Mantissa, by whose fault they are. The library throws them; only `cli` prints them and picks exit
// codes:
//   UsageError, ConfigError  the user's (a command line, a YAML or ONNX file)   exit 2
//   ModelError               a valid config that the modelled machine cannot run   exit 3
//   std::logic_error         ours (MANTISSA_CHECK)                                exit 70
#pragma once
#include <stdexcept>
#include <string>
#include <vector>

namespace mantissa {

// A place in a user's file. Lines and columns count from 1; 0 means "no such thing" (a binary file, a whole file).
struct SourcePos {
  std::string file;
  int line = 0;
  int column = 0;
  bool operator==(const SourcePos&) const = default;
};

// One mistake: where, what is wrong and what to do about it ("unknown key 'colums'; did you mean 'cols'?").
struct Diagnostic {
  SourcePos pos;
  std::string message;
  std::string source_line;  // the text of that line, for the caret; empty where there is none
};

// "file:line:column: error: message", then the line and a caret where the position has them. No final newline.
std::string to_string(const Diagnostic&);

class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// One or more mistakes in a user's file, reported together.
class ConfigError : public std::runtime_error {
 public:
  explicit ConfigError(std::vector<Diagnostic> diagnostics);
  explicit ConfigError(SourcePos pos, const std::string& message)
      : ConfigError({Diagnostic{std::move(pos), message, {}}}) {}
  const std::vector<Diagnostic>& diagnostics() const { return diagnostics_; }

 private:
  std::vector<Diagnostic> diagnostics_;
};

// The modelled machine cannot do this: `unit` names the hardware unit ("tpu.vmem"), the message says what does not fit.
class ModelError : public std::runtime_error {
 public:
  ModelError(const std::string& unit, const std::string& message) : std::runtime_error(unit + ": " + message) {}
};

// A condition that only a bug of ours can break. Throws std::logic_error with the place of the call. (The built-ins are
// what std::source_location is made of; clang 14, whose clang-tidy checks this code, has not got that class.)
void check(bool condition, const char* what, const char* file = __builtin_FILE(), int line = __builtin_LINE());

}  // namespace mantissa
