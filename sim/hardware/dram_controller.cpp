// SPDX-License-Identifier: Apache-2.0
// Queues, choice of commands and column commands; row commands stand in dram_controller_rows.cpp.
#include "hardware/dram_controller.h"

#include <algorithm>

#include "base/error.h"

namespace mantissa::hardware {

DramController::DramController(const config::Dram& dram, const DramTicks& ticks)
    : scheduler_(dram.scheduler),
      ticks_(ticks),
      groups_(dram.bank_groups),
      banks_per_group_(dram.banks_per_group),
      banks_per_id_(dram.banks_per_group / std::max(1, dram.stack_ids)),
      stack_ids_(dram.stack_ids),
      sets_(dram.bank_groups * dram.stack_ids),
      shared_bus_(dram.shared_command_bus),
      per_bank_(dram.refresh == config::DramRefresh::kPerBank) {
  if (stack_ids_ < 1 || banks_per_group_ % stack_ids_ != 0) {
    throw ModelError("dram", "banks_per_group must be a multiple of stack_ids");
  }
  if (scheduler_.read_queue < 1 || scheduler_.write_queue < 1 || scheduler_.bank_queue < 0) {
    throw ModelError("dram", "the scheduler's queues need room for a request");
  }
  if (!(scheduler_.write_low >= 0 && scheduler_.write_low < scheduler_.write_high && scheduler_.write_high <= 1)) {
    throw ModelError("dram", "write_low must be below write_high, both between 0 and 1");
  }
  const int banks = groups_ * banks_per_group_;
  banks_.resize(static_cast<std::size_t>(dram.pseudo_channels * banks));
  sets_state_.resize(static_cast<std::size_t>(dram.pseudo_channels * sets_));
  pseudo_.resize(static_cast<std::size_t>(dram.pseudo_channels));
  for (std::size_t i = 0; i < banks_.size(); ++i) {
    Bank& bank = banks_[i];
    const int local = static_cast<int>(i) % banks;
    bank.pseudo_channel = static_cast<int>(i) / banks;
    bank.group = local / banks_per_group_;
    bank.set = local % banks_per_group_ / banks_per_id_ * groups_ + bank.group;
  }
  for (Pseudo& p : pseudo_) {
    p.activates.fill(-kNever);
    p.due = ticks_.refi > 0 ? (per_bank_ ? ticks_.refi_pb : ticks_.refi) : kNever;
  }
  for (std::size_t i = 0; dram.stagger_refresh && ticks_.refi > 0 && i < pseudo_.size(); ++i) {
    pseudo_[i].due +=
        (per_bank_ ? ticks_.refi_pb : ticks_.refi) * static_cast<Ticks>(i) / static_cast<Ticks>(pseudo_.size());
  }
}

int DramController::bank_index(const DramPlace& place) const {
  return (place.pseudo_channel * groups_ + place.bank_group) * banks_per_group_ + place.bank;
}

void DramController::submit(const DramRequest& request) {
  check(request.arrival >= last_arrival_, "DramController::submit: arrivals go backwards");
  last_arrival_ = request.arrival;
  if (pending() == 0) {
    skip_idle(request.arrival);
  }
  waiting_.push_back(request);
  next_ = std::min(next_, std::max(request.arrival, last_step_ + 1));
}

// Nothing waits until `until`: refreshes that are due long before it are counted, not played.
void DramController::skip_idle(Ticks until) {
  Ticks first = until;
  const Ticks every = per_bank_ ? ticks_.refi_pb : ticks_.refi;
  for (std::size_t p = 0; p < pseudo_.size(); ++p) {
    Pseudo& pseudo = pseudo_[p];
    if (trace_ == nullptr && pseudo.due + 3 * ticks_.refi < until) {
      const std::int64_t skipped = (until - 2 * ticks_.refi - pseudo.due) / every;
      pseudo.due += skipped * every;
      (per_bank_ ? bank_refreshes_ : counters_.refreshes) += skipped;
      if (!per_bank_) {
        for (Bank& bank : banks_) {
          if (bank.pseudo_channel == static_cast<int>(p) && bank.open >= 0) {
            precharge(bank, -1, bank.next_precharge);
          }
        }
      }
    }
    first = std::min(first, pseudo.due);
  }
  if (scheduler_.page_policy != config::PagePolicy::kOpen) {
    const Ticks keep =
        scheduler_.page_policy == config::PagePolicy::kTimeout ? scheduler_.page_timeout.count() * ticks_.per_cycle : 0;
    for (const Bank& bank : banks_) {
      if (bank.open >= 0) {
        first = std::min(first, std::max(bank.next_precharge, bank.last_use + keep));
      }
    }
  }
  next_ = std::max(next_, first);
}

bool DramController::has_room(const DramRequest& request) const {
  if (scheduler_.bank_queue > 0) {
    return banks_[static_cast<std::size_t>(bank_index(request.place))].queued < scheduler_.bank_queue;
  }
  if (request.is_write && scheduler_.group_writes) {
    return static_cast<int>(writes_.size()) - opened_[1] < scheduler_.write_queue;
  }
  return static_cast<int>(reads_.size()) - opened_[0] < scheduler_.read_queue;
}

void DramController::take(const DramRequest& r, Ticks accepted, Ticks t, std::vector<DramCompletion>& done) {
  const int bank = bank_index(r.place);
  const Entry entry{r.id, accepted, bank, r.place.row, r.place.column, r.is_write};
  const auto same = [&](const Entry& e) {
    return e.bank == entry.bank && e.row == entry.row && e.column == entry.column;
  };
  if (!r.is_write && std::any_of(writes_.begin(), writes_.end(), same)) {
    done.push_back({r.id, accepted, t + ticks_.per_cycle, false});
    ++forwarded_;
    return;
  }
  (r.is_write && scheduler_.group_writes ? writes_ : reads_).push_back(entry);
  ++banks_[static_cast<std::size_t>(bank)].queued;
  if (r.is_write && scheduler_.posted_writes) {
    done.push_back({r.id, accepted, accepted, true});
  }
}

// A transaction queue in front of bank queues: one whose bank is full does not stop those behind it.
void DramController::take_from_front(Ticks t, std::vector<DramCompletion>& done) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < front_.size(); ++i) {
    if (has_room(front_[i].request)) {
      take(front_[i].request, front_[i].accepted, t, done);
    } else {
      front_[kept++] = front_[i];
    }
  }
  front_.resize(kept);
}

void DramController::accept(Ticks t, std::vector<DramCompletion>& done) {
  if (!front_.empty()) {
    take_from_front(t, done);
  }
  while (!waiting_.empty() && waiting_.front().arrival <= t) {
    const DramRequest& r = waiting_.front();
    if (has_room(r)) {
      take(r, t, t, done);
    } else if (static_cast<int>(front_.size()) < scheduler_.front_queue) {
      front_.push_back({r, t});
    } else {
      break;
    }
    waiting_.pop_front();
  }
  if (!waiting_.empty() && waiting_.front().arrival > t) {
    consider(waiting_.front().arrival);
  }
}

void DramController::choose_direction() {
  const double room = scheduler_.write_queue;
  const auto waiting = static_cast<double>(writes_.size());
  if (!writing_) {
    writing_ = !writes_.empty() && (waiting > scheduler_.write_high * room || reads_.empty());
  } else {
    writing_ = !writes_.empty() && (waiting >= scheduler_.write_low * room || reads_.empty());
  }
}

bool DramController::held_back(const Bank& bank) const {
  return (bank.refresh || pseudo_[static_cast<std::size_t>(bank.pseudo_channel)].refresh) && bank.opened_for < 0;
}

Ticks DramController::column_time(const Bank& bank, bool is_write) const {
  const Set& set = sets_state_[static_cast<std::size_t>(bank.pseudo_channel * sets_ + bank.set)];
  const Ticks t = is_write ? std::max(bank.next_write, set.write) : std::max(bank.next_read, set.read);
  return align(std::max(t, column_free_));
}

// Looks through a queue for the column command to issue now and for the oldest row command of each bank.
void DramController::scan(int which, bool opened_only, Ticks t) {
  const std::vector<Entry>& entries = queue(which);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Entry& e = entries[i];
    Bank& bank = banks_[static_cast<std::size_t>(e.bank)];
    const bool opened = bank.opened_for == e.id;
    if (opened_only && !opened) {
      continue;
    }
    if (bank.open != e.row) {
      if (bank.row_stamp != stamp_) {
        bank.row_stamp = stamp_;
        row_candidates_.push_back(static_cast<int>(i));
      }
      continue;
    }
    const bool worn = scheduler_.row_hit_cap > 0 && bank.hits >= scheduler_.row_hit_cap && bank.row_stamp == stamp_;
    const bool behind = !scheduler_.group_writes && bank.hit_stamp == stamp_;  // its bank works on an older one
    if (((worn || behind) && !opened) || held_back(bank)) {
      continue;
    }
    bank.hit_stamp = stamp_;
    if (column_.index >= 0 && (column_.opened || !opened)) {
      continue;  // an older one is ready already
    }
    const Ticks at = align(std::max(t, column_time(bank, e.is_write)));
    if (at > t) {
      consider(at);
    } else {
      column_ = {static_cast<int>(i), which, opened};
    }
  }
}

void DramController::issue_column(const Pick& pick, Ticks t, std::vector<DramCompletion>& done) {
  std::vector<Entry>& entries = queue(pick.queue);
  const Entry e = entries[static_cast<std::size_t>(pick.index)];
  Bank& bank = banks_[static_cast<std::size_t>(e.bank)];
  Set* const sets = &sets_state_[static_cast<std::size_t>(bank.pseudo_channel * sets_)];
  const int id = bank.set / groups_;
  const Ticks end = t + (e.is_write ? ticks_.cwl : ticks_.cl) + ticks_.burst;
  for (int s = 0; s < sets_; ++s) {
    const bool same_id = s / groups_ == id;
    const bool same = s == bank.set;
    const Ticks again = t + (same ? ticks_.ccd_l : same_id ? ticks_.ccd_s : ticks_.ccd_r);
    const Ticks to_read = e.is_write ? end + (same ? ticks_.wtr_l : ticks_.wtr_s) : again;
    const Ticks to_write = e.is_write ? again : t + ticks_.rtw;
    sets[s].read = std::max(sets[s].read, to_read);
    sets[s].write = std::max(sets[s].write, to_write);
  }
  bank.next_precharge = std::max(bank.next_precharge, e.is_write ? end + ticks_.wr : t + ticks_.rtp);
  bank.last_use = t;
  ++bank.hits;
  --bank.queued;
  if (bank.opened_for == e.id) {
    bank.opened_for = -1;
    --opened_[pick.queue];
  } else {
    ++counters_.row_hits;
  }
  column_free_ = t + ticks_.column_bus;
  if (shared_bus_) {
    row_free_ = column_free_;
  }
  busy_ += ticks_.burst;
  data_end_ = std::max(data_end_, end);
  ++(e.is_write ? counters_.writes : counters_.reads);
  record(t, e.is_write ? DramOp::kWrite : DramOp::kRead, bank.pseudo_channel, bank.group, e.bank % banks_per_group_,
         e.row);
  if (!e.is_write || !scheduler_.posted_writes) {
    done.push_back({e.id, e.accepted, e.is_write ? t : end, e.is_write});
  }
  entries.erase(entries.begin() + pick.index);
}

int DramController::open_banks() const {
  return static_cast<int>(std::count_if(banks_.begin(), banks_.end(), [](const Bank& b) { return b.open >= 0; }));
}

energy::DramCounters DramController::counters() const {
  energy::DramCounters c = counters_;
  c.refreshes += bank_refreshes_ / (groups_ * banks_per_group_);
  return c;
}

void DramController::step(std::vector<DramCompletion>& done) {
  const Ticks t = next_;
  last_step_ = t;
  soonest_ = kNever;
  accept(t, done);
  choose_direction();
  mark_refresh(t);
  ++stamp_;
  column_ = {};
  row_candidates_.clear();
  const int which = writing_ ? 1 : 0;
  if (opened_[1 - which] > 0) {
    scan(1 - which, true, t);
  }
  scan(which, false, t);
  // Row commands first in program order, so that a column command does not move the entries that they refer to.
  bool row = false;
  if (second_at_ >= 0 && (column_.index < 0 || t >= second_at_ + kActivateParts)) {
    column_ = {};
    row = finish_activate(t);
  } else if (shared_bus_ && column_.index >= 0) {
    consider(t + 1);
  } else {
    row = refresh_row_bus(t) || serve_row_bus(t) || close_unused(t);
  }
  const bool column = column_.index >= 0;
  if (column) {
    issue_column(column_, t, done);
  }
  next_ = row || column ? t + 1 : std::max(t + 1, soonest_);
}

}  // namespace mantissa::hardware
