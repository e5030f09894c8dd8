// SPDX-License-Identifier: Apache-2.0
// Runs functions in processes of their own and brings their bytes back: what crashes or hangs in one process leaves the
// others alone. Children end with the process that started them, however it
// ends, and leave interrupts (Ctrl-C, SIGTERM) to it.
#pragma once
#include <cstddef>
#include <functional>
#include <string>

namespace mantissa::study {

// Forks, calls `work` in the child and returns what it returned. ModelError and std::exception come back as what they
// were; a child that dies by a signal is a std::runtime_error that names it. In a child of run_all_isolated the first
// call of each piece of work forks no more.
std::string run_isolated(const std::function<std::string()>& work);

struct IsolateOptions {
  int jobs = 0;             // children at a time; 0: as many as the machine has cores
  double time_limit_s = 0;  // of one call: then its process is killed, and its error says so; 0: none
  // A process makes so many calls, one after the other, before it is replaced; forking costs as much as a short
  // simulation. A failure counts only from a process that did nothing before: others make room and the call is
  // repeated.
  std::size_t calls_per_process = 1;
  // Called after calls of `done`, when there are no more at once: the time to put results in a safe place.
  std::function<void()> settle = {};
};

// Calls work(i) once for each i in [0, count), in child processes, and hands over what it returned as it comes, in
// any order: `done(i, bytes, error)`, called in this process; `error` says why there are no bytes. Work whose process
// somebody else kills (SIGKILL: a machine short of memory, a job that is being cancelled) is tried once more. Children
// share this process's cores. Exceptions of `done` and `settle` come through; all children have ended then.
// REQUIRES: no other threads.
void run_all_isolated(std::size_t count, const IsolateOptions& options,
                      const std::function<std::string(std::size_t)>& work,
                      const std::function<void(std::size_t, const std::string&, const std::string&)>& done);

}  // namespace mantissa::study
