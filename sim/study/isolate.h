// SPDX-License-Identifier: Apache-2.0
// Runs a function in a process of its own and brings its bytes back: SystemC elaborates once per process.
#pragma once
#include <functional>
#include <string>

namespace mantissa::study {

// Forks, calls `work` in the child and returns what it returned. ModelError and std::exception come back as what they
// were; a child that dies by a signal is a std::runtime_error that names it.
std::string run_isolated(const std::function<std::string()>& work);

}  // namespace mantissa::study
