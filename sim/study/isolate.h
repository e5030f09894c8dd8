// SPDX-License-Identifier: Apache-2.0
// Runs functions in processes of their own and brings their bytes back: SystemC elaborates once per process, and what
// crashes one process leaves the others alone.
#pragma once
#include <cstddef>
#include <functional>
#include <string>

namespace mantissa::study {

// Forks, calls `work` in the child and returns what it returned. ModelError and std::exception come back as what they
// were; a child that dies by a signal is a std::runtime_error that names it.
std::string run_isolated(const std::function<std::string()>& work);

// Calls work(i) once for each i in [0, count), each in a child process, up to `jobs` at a time, and hands over what it
// returned as it comes, in any order: `done(i, bytes, error)`, called in this process; `error` says why there are no
// bytes. Children share this process's cores. REQUIRES: no other threads.
void run_all_isolated(std::size_t count, int jobs, const std::function<std::string(std::size_t)>& work,
                      const std::function<void(std::size_t, const std::string&, const std::string&)>& done);

}  // namespace mantissa::study
