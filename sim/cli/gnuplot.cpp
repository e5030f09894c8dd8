// SPDX-License-Identifier: Apache-2.0
#include "cli/gnuplot.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <system_error>

#include "base/error.h"

namespace mantissa::cli {
namespace {

// Files without a name in place of pipes: neither side ever waits for the other.
class Scratch {
 public:
  Scratch() : file_(std::tmpfile()) {
    if (!file_) {
      throw std::system_error(errno, std::generic_category(), "cannot make a temporary file");
    }
  }
  int number() const { return fileno(file_.get()); }
  void write(const std::string& text) {
    if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size() || std::fflush(file_.get()) != 0) {
      throw std::system_error(errno, std::generic_category(), "cannot write a temporary file");
    }
    lseek(number(), 0, SEEK_SET);
  }
  std::string read() {
    std::string text;
    char part[1 << 16];
    lseek(number(), 0, SEEK_SET);
    for (ssize_t n = 0; (n = ::read(number(), part, sizeof part)) > 0;) {
      text.append(part, static_cast<std::size_t>(n));
    }
    return text;
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace

std::string run_gnuplot(const std::string& script) {
  Scratch in, out, words;
  in.write(script);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.number(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.number(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, words.number(), STDERR_FILENO);
  char name[] = "gnuplot", defaults[] = "--default-settings";  // no start-up file of the user's
  char* const arguments[] = {name, defaults, nullptr};
  pid_t pid = 0;
  const int failure = posix_spawnp(&pid, name, &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failure == ENOENT) {
    throw UsageError(
        "gnuplot is not installed; it draws the plots (Debian: apt-get install gnuplot-nox). A file that ends "
        "in .gp gets the script alone");
  }
  if (failure != 0) {
    throw std::system_error(failure, std::generic_category(), "cannot start gnuplot");
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) {
      throw std::system_error(errno, std::generic_category(), "cannot wait for gnuplot");
    }
  }
  std::string picture = out.read();
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || picture.empty()) {
    throw UsageError(fmt::format("gnuplot did not draw the plot; it said: {}", words.read()));
  }
  return picture;
}

}  // namespace mantissa::cli
