// SPDX-License-Identifier: Apache-2.0
// One pseudo-channel of a DRAM: its banks, its data bus, its refresh and its write buffer, in time.
//
// MODEL: a request is planned when it arrives: its row activations, its column accesses and its place on the data bus
// follow from the bank states and from what was planned before (dram_calendar.h). Banks serve their requests in order
// of arrival; different banks overtake each other. Command buses are not modelled (they bound random traffic, see
// dram_controller.h), nor power-down and per-bank refresh. Refresh: every tREFI all banks precharge and rest for tRTP +
// tRP + tRFC; a column access that would fall behind that instant waits. Writes are posted into a buffer of
// kWriteBufferBursts bursts and written in groups between two watermarks, so that the bus turns seldom; reads overtake
// them.
#pragma once
#include <array>
#include <vector>

#include "energy/counters.h"
#include "hardware/dram_calendar.h"
#include "hardware/dram_mapping.h"
#include "hardware/dram_times.h"

namespace mantissa::hardware {

class PseudoChannel {
 public:
  // Both referred-to objects must outlive this one.
  PseudoChannel(const DramMapping& mapping, const DramTimes& times);

  // Plans a read or a write of the local addresses [begin, end), arrived at `now`. Returns when its last byte is on the
  // bus (read) or in the write buffer (write).
  Femtoseconds read(Femtoseconds now, std::int64_t begin, std::int64_t end);
  Femtoseconds write(Femtoseconds now, std::int64_t begin, std::int64_t end);
  // Writes everything still buffered; returns the end of its data.
  Femtoseconds drain(Femtoseconds now);

  energy::DramCounters& counters() { return counters_; }
  const energy::DramCounters& counters() const { return counters_; }
  Femtoseconds busy() const { return busy_; }  // data bus carries data
  Femtoseconds bus_end() const { return bus_.end(); }

  static constexpr int kWriteBufferBursts = 64, kHighWatermark = 51, kLowWatermark = 13;

 private:
  static constexpr int kMaxGroups = 16;
  struct Bank {
    std::int32_t row = -1;       // open row, -1: none
    Femtoseconds epoch_end = 0;  // the refresh up to which this state holds
    Femtoseconds activated = 0, next_precharge = 0, next_activate = 0;
    bool fresh = false;  // opened and not accessed yet
  };
  struct Part {  // of a transaction, within one row set
    std::int64_t begin = 0, end = 0;
    int bursts = 0;
  };
  struct Share {  // of an interleaved part, in one bank group
    int group = 0, bursts = 0;
    Bank* bank = nullptr;
    Femtoseconds ready = 0;
  };

  Femtoseconds serve(Femtoseconds now, const Part& part, bool is_write);
  Femtoseconds serve_burst(Femtoseconds now, Bank& bank, int group, std::int32_t row, bool is_write, bool new_run);
  Femtoseconds serve_interleaved(Femtoseconds now, const Part& part, bool is_write);
  int shares_of(const Part& part, std::array<Share, kMaxGroups>& shares);
  Femtoseconds open_row(Femtoseconds now, Bank& bank, int group, std::int32_t row, bool is_write);
  void used(Bank& bank, Femtoseconds data_start_of_last, bool is_write, bool new_run);
  void cross_refresh(Bank& bank, Femtoseconds t);
  Femtoseconds last_column(const Bank& bank, bool is_write) const {
    return bank.epoch_end - (is_write ? times_.write_lead : 0);
  }
  Femtoseconds data_delay(bool is_write) const { return is_write ? times_.cwl : times_.cl; }
  Femtoseconds bus_floor(int group, bool is_write) const;
  void turn_bus(bool to_write);
  void count(int bursts, bool is_write);
  void drain_if_idle(Femtoseconds now);
  void drain_to(int bursts, Femtoseconds now);
  void leaves_buffer(Femtoseconds end, int bursts);
  Femtoseconds space_in_buffer(Femtoseconds now);

  const DramMapping& mapping_;
  const DramTimes& times_;
  DataBus bus_;
  Activations activations_;
  std::vector<Bank> banks_;  // bank group by bank group
  bool writing_ = false;     // direction of the last reservation
  Femtoseconds turned_ = 0;  // end of the data before the last change of direction
  int turned_group_ = -1;    // its bank group, -1: several
  int last_group_ = -1;
  std::vector<Part> writes_;  // buffered, oldest first
  int buffered_ = 0;          // bursts in writes_
  Femtoseconds last_write_ = 0, write_accepted_ = 0;
  struct Leaving {
    Femtoseconds end = 0;
    int bursts = 0;
  };
  std::vector<Leaving> leaving_;  // planned writes, still in the buffer until `end`, in order of end
  int leaving_bursts_ = 0;
  Femtoseconds write_end_ = 0;  // end of the last write data planned
  energy::DramCounters counters_;
  Femtoseconds busy_ = 0;
};

}  // namespace mantissa::hardware
