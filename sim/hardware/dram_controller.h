// SPDX-License-Identifier: Apache-2.0
// One DRAM channel command by command: its queues, its scheduler, the state of every bank and the command buses.
//
// MODEL: first ready, first come first served. At each step the controller may issue one column command (read, write)
// and one row command (activate, precharge, refresh), or one of both kinds where they share a bus; pseudo-channels
// share the buses. Column commands: requests for which a row was just opened, then the oldest that hits an open row.
// Row commands: refresh, then for the oldest request of each bank that misses; a row closes only when no waiting
// request hits it. Writes wait in their own queue and are served between two watermarks, or when no read waits; a row
// opened for a request stays open until that request is served, whatever the direction. A read that hits a waiting
// write is served from the queue. Time jumps from command to command: there is no tick without an event. NOT MODELLED:
// power-down, the data clock's start on LPDDR5, temperature, errors.
#pragma once
#include <array>
#include <deque>
#include <limits>
#include <vector>

#include "energy/counters.h"
#include "hardware/dram_command.h"
#include "hardware/dram_fields.h"

namespace mantissa::hardware {

struct DramRequest {
  std::int64_t id = 0;
  Ticks arrival = 0;
  DramPlace place;
  bool is_write = false;
};

struct DramCompletion {
  std::int64_t id = 0;
  Ticks accepted = 0;  // into the controller's queue
  Ticks done = 0;      // read: its last data on the bus; write: accepted if writes are posted, else its command
  bool is_write = false;
};

class DramController {
 public:
  static constexpr Ticks kNever = std::numeric_limits<Ticks>::max() / 4;

  DramController(const config::Dram& dram, const DramTicks& ticks);

  // Arrivals must not go backwards. A burst that arrives when its queue is full waits in front of it.
  void submit(const DramRequest& request);
  Ticks next() const { return pending() == 0 ? kNever : next_; }  // when step() has something to do
  void step(std::vector<DramCompletion>& done);
  std::int64_t pending() const {
    return static_cast<std::int64_t>(waiting_.size() + front_.size() + reads_.size() + writes_.size());
  }

  // Refreshes of single banks count as their share of one of all banks. Bytes are not counted here.
  energy::DramCounters counters() const;
  std::int64_t forwarded() const { return forwarded_; }  // reads served from the write queue
  int open_banks() const;
  std::int64_t precharged_banks() const { return precharged_; }  // banks closed, by either kind of precharge
  Ticks busy() const { return busy_; }                           // of all data buses together
  Ticks data_end() const { return data_end_; }                   // of the last column command so far
  void trace_to(std::vector<DramCommand>* trace) { trace_ = trace; }

 private:
  struct Bank {
    std::int32_t open = -1;                      // row
    int pseudo_channel = 0, group = 0, set = 0;  // set: stack ID and bank group, in the pseudo-channel
    std::int64_t opened_for = -1;                // request that has not been served yet
    Ticks next_activate = 0, next_precharge = 0, next_read = 0, next_write = 0, last_use = 0;
    int hits = 0;
    bool refresh = false;  // a refresh of this bank alone is due
    std::uint32_t hit_stamp = 0, row_stamp = 0;
    int queued = 0;
  };
  struct Set {  // banks of one stack ID and bank group
    Ticks activate = 0, read = 0, write = 0;
  };
  struct Pseudo {
    std::array<Ticks, 4> activates{};  // ring of the last four
    int oldest = 0;
    Ticks next_precharge = 0, next_refresh = 0, next_write = 0;
    Ticks due = kNever;  // of the next refresh
    int next_bank = 0;   // per-bank refresh: round robin
    bool refresh = false;
  };
  struct Entry {
    std::int64_t id = 0;
    Ticks accepted = 0;
    std::int32_t bank = 0, row = 0, column = 0;
    bool is_write = false;
  };
  struct Pick {  // what a scan found for one bus
    int index = -1, queue = 0;
    bool opened = false;
  };

  Ticks align(Ticks t) const { return ticks_.per_cycle == 2 ? (t + 1) & ~Ticks{1} : t; }
  std::vector<Entry>& queue(int which) { return which == 0 ? reads_ : writes_; }
  int bank_index(const DramPlace& place) const;
  void skip_idle(Ticks until);
  void accept(Ticks t, std::vector<DramCompletion>& done);
  bool has_room(const DramRequest& request) const;
  void take(const DramRequest& request, Ticks accepted, Ticks t, std::vector<DramCompletion>& done);
  void take_from_front(Ticks t, std::vector<DramCompletion>& done);
  void choose_direction();
  Ticks column_time(const Bank& bank, bool is_write) const;
  Ticks activate_time(const Bank& bank) const;
  bool held_back(const Bank& bank) const;  // by a refresh that is due
  void scan(int which, bool opened_only, Ticks t);
  void issue_column(const Pick& pick, Ticks t, std::vector<DramCompletion>& done);
  void mark_refresh(Ticks t);
  bool refresh_row_bus(Ticks t);
  bool refresh_all(Pseudo& pseudo, int index, Ticks t);
  bool refresh_bank(Pseudo& pseudo, int index, Ticks t);
  bool serve_row_bus(Ticks t);
  bool close_unused(Ticks t);
  void activate(Bank& bank, int index, const Entry& entry, Ticks t);
  void open_row(Bank& bank, int index, std::int32_t row, Ticks t);
  bool finish_activate(Ticks t);
  void precharge(Bank& bank, int index, Ticks t);
  void consider(Ticks t) { soonest_ = t < soonest_ ? t : soonest_; }
  void record(Ticks t, DramOp op, int pseudo, int group, int bank, std::int32_t row) {
    if (trace_ != nullptr) {
      trace_->push_back({t, op, pseudo, group, bank, row});
    }
  }

  config::DramScheduler scheduler_;
  DramTicks ticks_;
  int groups_, banks_per_group_, banks_per_id_, stack_ids_, sets_;
  bool shared_bus_, per_bank_;
  std::vector<Bank> banks_;
  std::vector<Set> sets_state_;
  std::vector<Pseudo> pseudo_;
  std::deque<DramRequest> waiting_;
  struct Front {
    DramRequest request;
    Ticks accepted = 0;
  };
  std::vector<Front> front_;
  std::vector<Entry> reads_, writes_;
  std::vector<int> row_candidates_;  // entries of the queue in service, oldest first, one for each bank
  int opened_[2] = {0, 0};           // requests in each queue that a row was opened for
  bool writing_ = false;
  Ticks next_ = 0, soonest_ = 0, row_free_ = 0, column_free_ = 0, last_arrival_ = 0, last_step_ = -1;
  Pick column_;
  // An activate in two parts on a shared bus: its first part went out at second_at_ - 1 or before (-1: none waits).
  static constexpr Ticks kActivateParts = 7;  // the second waits for a free slot so long at most (LPDDR5: tAAD = 8)
  Ticks second_at_ = -1;
  int second_bank_ = 0;
  std::int32_t second_row_ = 0;
  std::uint32_t stamp_ = 0;
  energy::DramCounters counters_;
  std::int64_t precharged_ = 0, forwarded_ = 0, bank_refreshes_ = 0;
  Ticks busy_ = 0, data_end_ = 0;
  std::vector<DramCommand>* trace_ = nullptr;
};

}  // namespace mantissa::hardware
