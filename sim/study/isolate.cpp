// SPDX-License-Identifier: Apache-2.0
#include "study/isolate.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "base/error.h"

namespace mantissa::study {
namespace {

// The first byte of what the child sends.
enum class Outcome : char { kResult = 'r', kModelError = 'm', kLogicError = 'l', kError = 'e' };

void write_all(int file, const std::string& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t n = write(file, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno != EINTR) {
      return;  // the parent has gone: nobody to tell
    }
    done += n > 0 ? static_cast<std::size_t>(n) : 0;
  }
}

std::string read_all(int file) {
  std::string bytes;
  char buffer[1 << 16];
  while (true) {
    const ssize_t n = read(file, buffer, sizeof buffer);
    if (n > 0) {
      bytes.append(buffer, static_cast<std::size_t>(n));
    } else if (n == 0 || errno != EINTR) {
      return bytes;
    }
  }
}

std::string answer(const std::function<std::string()>& work) {
  const auto tagged = [](Outcome outcome, const std::string& text) {
    return std::string(1, static_cast<char>(outcome)) + text;
  };
  try {
    return tagged(Outcome::kResult, work());
  } catch (const ModelError& e) {
    return tagged(Outcome::kModelError, e.what());
  } catch (const std::logic_error& e) {
    return tagged(Outcome::kLogicError, e.what());
  } catch (const std::exception& e) {
    return tagged(Outcome::kError, e.what());
  }
}

}  // namespace

std::string run_isolated(const std::function<std::string()>& work) {
  int ends[2];
  if (pipe(ends) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe");
  }
  const pid_t child = fork();
  if (child < 0) {
    throw std::system_error(errno, std::generic_category(), "fork");
  }
  if (child == 0) {
    close(ends[0]);
    write_all(ends[1], answer(work));
    close(ends[1]);
    _exit(0);  // no destructors, no flushing of buffers that belong to the parent
  }
  close(ends[1]);
  const std::string bytes = read_all(ends[0]);
  close(ends[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status) || bytes.empty()) {
    throw std::runtime_error(
        fmt::format("the simulation process ended by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status))));
  }
  const std::string text = bytes.substr(1);
  switch (static_cast<Outcome>(bytes[0])) {
    case Outcome::kResult:
      return text;
    case Outcome::kModelError: {
      const std::size_t colon = text.find(": ");
      throw ModelError(text.substr(0, colon), colon == std::string::npos ? "" : text.substr(colon + 2));
    }
    case Outcome::kLogicError:
      throw std::logic_error(text);
    case Outcome::kError:
      break;
  }
  throw std::runtime_error(text);
}

}  // namespace mantissa::study
