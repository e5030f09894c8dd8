// SPDX-License-Identifier: Apache-2.0
#include "hardware/dram_reference.h"

#include <cstdlib>

#include "config/memory.h"

namespace mantissa::hardware {
namespace {

using config::Dram;

bool has(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

std::string memory_name(const ReferenceRun& run) {
  if (run.simulator.starts_with("ramulator2")) {
    if (run.standard == "LPDDR5" && run.speed_bin == "6400") {
      return "lpddr5_6400";
    }
    if (run.standard == "HBM2") {
      return run.speed_bin == "2.0Gbps" ? "hbm2_2000" : run.speed_bin == "2.4Gbps" ? "hbm2_2400" : "";
    }
    if (run.standard == "HBM3") {
      return run.speed_bin == "6.4Gbps" ? "hbm3_6400" : run.speed_bin.starts_with("5.2Gbps") ? "hbm3_5200" : "";
    }
  }
  if (run.standard == "HBM2" && run.speed_bin == "2.0Gbps") {
    return run.simulator.starts_with("DRAMSys") ? "hbm2_2000_dramsys"
           : run.simulator == "DRAMsim3"        ? "hbm2_2000_dramsim3"
                                                : "";
  }
  return "";
}

// Field strings of the mappings' names.
std::string mapping_of(const std::string& name) {
  if (name == "bgint" || name == "bgxor") {
    return "row bank column bank_group pseudo_channel channel column:1";
  }
  if (name == "rowmajor") {
    return "row bank bank_group column pseudo_channel channel column:1";
  }
  if (name == "rorabacobgch") {
    return "row bank column bank_group channel";
  }
  return name.starts_with("rorabgbachco") ? "row bank_group bank channel column" : "";
}

void set_controller(const ReferenceRun& run, Dram& dram) {
  if (run.simulator.starts_with("ramulator2")) {
    dram.controller_latency_ns = dram.clock_period_ns;  // a request is scheduled in the cycle after it came
    dram.scheduler.posted_writes = false;
    dram.scheduler.read_queue = has(run.config, "rb256") ? 256 : 64;
  } else if (run.simulator.starts_with("DRAMSys") && !has(run.config, "grpwm")) {
    dram.scheduler.group_writes = false;
    dram.scheduler.bank_queue = 8;
    dram.scheduler.read_queue = 4096;
  }
}

}  // namespace

double offered_load(const std::string& note) {
  static const std::string kWords = "offered load ";
  const std::size_t at = note.find(kWords);
  return at == std::string::npos ? 0 : std::strtod(note.c_str() + at + kWords.size(), nullptr);
}

ReferenceModel reference_model(const ReferenceRun& run) {
  const std::string name = memory_name(run);
  if (name.empty()) {
    return {std::nullopt, "no timing set of " + run.simulator + " for " + run.standard + " " + run.speed_bin};
  }
  const std::string mapping = mapping_of(run.mapping);
  if (mapping.empty()) {
    return {std::nullopt, "unknown address mapping " + run.mapping};
  }
  Dram dram = config::shipped_memory(name).dram;
  dram.channels = run.channels;
  dram.mapping = mapping;
  dram.mapping_xor = run.mapping == "bgxor";
  dram.fidelity = config::DramFidelity::kCommand;
  if (has(run.config, "noref")) {
    dram.refi = Cycles(0);
  }
  if (has(run.config, "refpb")) {
    dram.refresh = config::DramRefresh::kPerBank;
  }
  set_controller(run, dram);
  return {dram, ""};
}

std::string reference_quirk(const ReferenceRun& run) {
  if (has(run.config, "refpb")) {
    return "Ramulator 2.1 issues no reads or writes to either pseudo-channel while a refresh of one bank waits";
  }
  if (run.simulator.starts_with("DRAMSys") && (run.window > run.channels || run.pattern == "seq_lat1")) {
    return "DRAMSys 5.1: its arbiter keeps requests back and adds a cycle between them; its command multiplexer for "
           "HBM "
           "had a fault that was repaired in 5.4";
  }
  if (run.simulator == "DRAMsim3" && (run.window > run.channels)) {
    return "DRAMsim3: its write buffer is emptied past the bank queues, and banks are served round-robin without an "
           "age "
           "limit (latencies up to 6 us)";
  }
  return "";
}

}  // namespace mantissa::hardware
