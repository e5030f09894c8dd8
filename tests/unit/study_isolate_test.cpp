// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <vector>

#include "base/error.h"
#include "study/isolate.h"
#include "support/files.h"

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

struct Ended {
  std::map<std::size_t, std::string> results, errors;
};
Ended run_all(std::size_t count, const IsolateOptions& options, const std::function<std::string(std::size_t)>& work) {
  Ended ended;
  run_all_isolated(count, options, work, [&](std::size_t i, const std::string& bytes, const std::string& error) {
    (error.empty() ? ended.results : ended.errors)[i] = error.empty() ? bytes : error;
  });
  return ended;
}

TEST(RunAllIsolated, WhatHangsIsStoppedAtTheTimeLimitAndTheRestGoesOn) {
  const Ended ended = run_all(4, {.jobs = 2, .time_limit_s = 1}, [](std::size_t i) -> std::string {
    for (volatile bool hangs = i == 1; hangs;) {
    }
    return "done";
  });
  EXPECT_EQ(ended.results.size(), 3u);
  EXPECT_EQ(ended.errors.at(1), "stopped at the time limit of 1 s");
}

TEST(RunAllIsolated, WhatAbortsIsAnErrorThatNamesTheSignal) {
  const Ended ended = run_all(3, {.jobs = 2}, [](std::size_t i) -> std::string {
    if (i == 0) {
      abort();
    }
    return "done";
  });
  EXPECT_EQ(ended.results.size(), 2u);
  EXPECT_THAT(ended.errors.at(0), ::testing::HasSubstr("signal 6"));
}

TEST(RunAllIsolated, WhatSomebodyKillsIsTriedOnceMore) {
  const test::TemporaryFolder folder;
  const std::string mark = folder.path() + "/killed";
  const Ended ended = run_all(2, {.jobs = 2}, [&](std::size_t i) -> std::string {
    if (i == 0 && !std::filesystem::exists(mark)) {
      folder.write("killed", "");
      raise(SIGKILL);
    }
    return "done";
  });
  EXPECT_EQ(ended.results.size(), 2u);
}

TEST(RunAllIsolated, AProcessMakesSoManyCallsAndIsReplaced) {
  const Ended ended = run_all(10, {.jobs = 1, .calls_per_process = 4}, [](std::size_t) {
    static int calls = 0;
    return fmt::format("{} {}", getpid(), ++calls);
  });
  std::map<std::string, std::vector<std::string>> calls;  // by process
  for (const auto& [i, text] : ended.results) {
    const std::size_t space = text.find(' ');
    calls[text.substr(0, space)].push_back(text.substr(space + 1));
  }
  std::multiset<std::vector<std::string>> histories;
  for (const auto& [pid, history] : calls) {
    histories.insert(history);
  }
  EXPECT_EQ(histories,
            (std::multiset<std::vector<std::string>>{{"1", "2"}, {"1", "2", "3", "4"}, {"1", "2", "3", "4"}}));
}

TEST(RunAllIsolated, OneCrashAndOneHangAmongManyCallsOfAProcessAreTheirOwnAlone) {
  const Ended ended =
      run_all(40, {.jobs = 2, .time_limit_s = 1, .calls_per_process = 64}, [](std::size_t i) -> std::string {
        if (i == 11) {
          abort();
        }
        for (volatile bool hangs = i == 17; hangs;) {
        }
        if (i == 23) {
          throw std::runtime_error("twenty-three");
        }
        return std::to_string(i);
      });
  ASSERT_EQ(ended.results.size(), 37u);
  for (const auto& [i, text] : ended.results) {
    EXPECT_EQ(text, std::to_string(i));
  }
  EXPECT_THAT(ended.errors.at(11), ::testing::HasSubstr("signal 6"));
  EXPECT_EQ(ended.errors.at(17), "stopped at the time limit of 1 s");
  EXPECT_EQ(ended.errors.at(23), "twenty-three");
}

TEST(RunAllIsolated, WhatAnotherCallLeftBehindIsNotBlamedOnTheNext) {
  const Ended ended = run_all(6, {.jobs = 1, .calls_per_process = 64}, [](std::size_t i) -> std::string {
    static bool damaged = false;  // by call 2: what comes after it in the same process fails
    if (damaged && i == 3) {
      abort();
    }
    if (damaged) {
      throw std::runtime_error("damaged");
    }
    damaged = i == 2 || i == 4;
    return "done";
  });
  EXPECT_EQ(ended.results.size(), 6u);
  EXPECT_TRUE(ended.errors.empty());
}

TEST(RunAllIsolated, AProcessThatIsKilledBetweenCallsLosesNothing) {
  const Ended ended = run_all(8, {.jobs = 1, .calls_per_process = 64}, [](std::size_t i) -> std::string {
    if (i == 3 && fork() == 0) {
      const pid_t worker = getppid();
      usleep(20'000);  // by then its answer is on its way or later calls are
      kill(worker, SIGKILL);
      _exit(0);
    }
    usleep(5'000);
    return std::string(200'000, static_cast<char>('a' + i));
  });
  ASSERT_EQ(ended.results.size(), 8u);
  EXPECT_EQ(ended.results.at(7), std::string(200'000, 'h'));
}

TEST(RunAllIsolated, InterruptsAreTheParentsBusiness) {
  const Ended ended = run_all(1, {.jobs = 1}, [](std::size_t) -> std::string {
    raise(SIGINT);
    raise(SIGTERM);
    return "alive";
  });
  EXPECT_EQ(ended.results.at(0), "alive");
}

TEST(RunAllIsolated, SettlesAfterResultsAndLeavesNoChildBehindAnException) {
  std::size_t done = 0, settled = 0;
  EXPECT_THROW(run_all_isolated(
                   50,
                   {.jobs = 2,
                    .time_limit_s = 0,
                    .settle =
                        [&] {
                          settled = done;
                          if (done >= 3) {
                            throw UsageError("disk full");
                          }
                        }},
                   [](std::size_t i) -> std::string {
                     if (i > 4) {
                       pause();
                     }
                     return "done";
                   },
                   [&](std::size_t, const std::string&, const std::string&) { ++done; }),
               UsageError);
  EXPECT_GE(settled, 3u);
  EXPECT_EQ(waitpid(-1, nullptr, 0), -1);  // no children at all
  EXPECT_EQ(errno, ECHILD);
}

TEST(RunAllIsolated, ChildrenEndWithTheirParent) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t parent = fork();
  if (parent == 0) {
    run_all(1, {.jobs = 1}, [&](std::size_t) -> std::string {
      close(ends[0]);
      [[maybe_unused]] const auto sent = write(ends[1], "r", 1);
      pause();
      return "";
    });
    _exit(0);
  }
  close(ends[1]);
  char c = 0;
  ASSERT_EQ(read(ends[0], &c, 1), 1);
  kill(parent, SIGKILL);
  waitpid(parent, nullptr, 0);
  EXPECT_EQ(read(ends[0], &c, 1), 0);  // comes back only when the child has ended, too
}

}  // namespace
}  // namespace mantissa::study
