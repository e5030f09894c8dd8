// SPDX-License-Identifier: Apache-2.0
// Row commands of the command-by-command DRAM model: activate, precharge, refresh.
#include <algorithm>

#include "hardware/dram_controller.h"

namespace mantissa::hardware {

Ticks DramController::activate_time(const Bank& bank) const {
  const Pseudo& pseudo = pseudo_[static_cast<std::size_t>(bank.pseudo_channel)];
  const Set& set = sets_state_[static_cast<std::size_t>(bank.pseudo_channel * sets_ + bank.set)];
  const Ticks four = pseudo.activates[static_cast<std::size_t>(pseudo.oldest)] + ticks_.faw;
  // The first part of a split activate may go out while the second must still wait for the activates before.
  const Ticks early = shared_bus_ && ticks_.activate_bus > 1 ? 1 : 0;
  return align(std::max({bank.next_activate, set.activate - early, four - early, row_free_}));
}

void DramController::activate(Bank& bank, int index, const Entry& entry, Ticks t) {
  bank.opened_for = entry.id;
  ++opened_[entry.is_write && scheduler_.group_writes ? 1 : 0];
  ++counters_.activates;
  ++counters_.row_misses;
  if (shared_bus_ && ticks_.activate_bus > 1) {
    row_free_ = column_free_ = second_at_ = t + 1;
    second_bank_ = index;
    second_row_ = entry.row;
    return;
  }
  open_row(bank, index, entry.row, t);
  row_free_ = t + ticks_.activate_bus;
  if (shared_bus_) {
    column_free_ = row_free_;
  }
}

bool DramController::finish_activate(Ticks t) {
  if (t < second_at_) {
    consider(second_at_);
    return false;
  }
  open_row(banks_[static_cast<std::size_t>(second_bank_)], second_bank_, second_row_, t);
  row_free_ = column_free_ = t + 1;
  second_at_ = -1;
  return true;
}

// All times of an activate count from here.
void DramController::open_row(Bank& bank, int index, std::int32_t row, Ticks t) {
  Pseudo& pseudo = pseudo_[static_cast<std::size_t>(bank.pseudo_channel)];
  Set* const sets = &sets_state_[static_cast<std::size_t>(bank.pseudo_channel * sets_)];
  for (int s = 0; s < sets_; ++s) {
    sets[s].activate = std::max(sets[s].activate, t + (s == bank.set ? ticks_.rrd_l : ticks_.rrd_s));
  }
  pseudo.activates[static_cast<std::size_t>(pseudo.oldest)] = t;
  pseudo.oldest = (pseudo.oldest + 1) % 4;
  bank.open = row;
  bank.hits = 0;
  bank.next_read = t + ticks_.rcd_read;
  bank.next_write = t + ticks_.rcd_write;
  bank.next_precharge = t + ticks_.ras;
  bank.next_activate = t + ticks_.rc;
  bank.last_use = t + ticks_.rcd_read;
  record(t, DramOp::kActivate, bank.pseudo_channel, bank.group, index % banks_per_group_, row);
}

// index -1: while idle, not traced, no use of the bus.
void DramController::precharge(Bank& bank, int index, Ticks t) {
  bank.open = -1;
  bank.next_activate = std::max(bank.next_activate, t + ticks_.rp);
  ++precharged_;
  if (index >= 0) {
    pseudo_[static_cast<std::size_t>(bank.pseudo_channel)].next_precharge = t + ticks_.ppd;
    row_free_ = t + ticks_.row_bus;
    if (shared_bus_) {
      column_free_ = row_free_;
    }
    record(t, DramOp::kPrecharge, bank.pseudo_channel, bank.group, index % banks_per_group_, -1);
  }
}

bool DramController::serve_row_bus(Ticks t) {
  const std::vector<Entry>& entries = queue(writing_ ? 1 : 0);
  for (const int candidate : row_candidates_) {
    const Entry& e = entries[static_cast<std::size_t>(candidate)];
    Bank& bank = banks_[static_cast<std::size_t>(e.bank)];
    if (bank.opened_for >= 0 || held_back(bank)) {
      continue;
    }
    if (bank.open < 0) {
      if (second_at_ >= 0) {
        continue;  // one activate at a time
      }
      const Ticks at = align(std::max(t, activate_time(bank)));
      if (at <= t) {
        activate(bank, e.bank, e, t);
        return true;
      }
      consider(at);
    } else if (bank.hit_stamp != stamp_) {
      const Pseudo& pseudo = pseudo_[static_cast<std::size_t>(bank.pseudo_channel)];
      const Ticks at = std::max({bank.next_precharge, pseudo.next_precharge, row_free_});
      if (at <= t) {
        precharge(bank, e.bank, t);
        return true;
      }
      consider(at);
    }
  }
  return false;
}

// Closed and timeout policies: rows that no waiting request hits.
bool DramController::close_unused(Ticks t) {
  if (scheduler_.page_policy == config::PagePolicy::kOpen) {
    return false;
  }
  const Ticks keep =
      scheduler_.page_policy == config::PagePolicy::kTimeout ? scheduler_.page_timeout.count() * ticks_.per_cycle : 0;
  for (std::size_t i = 0; i < banks_.size(); ++i) {
    Bank& bank = banks_[i];
    if (bank.open < 0 || bank.opened_for >= 0 || bank.hit_stamp == stamp_) {
      continue;
    }
    const Pseudo& pseudo = pseudo_[static_cast<std::size_t>(bank.pseudo_channel)];
    const Ticks at = std::max({bank.next_precharge, pseudo.next_precharge, row_free_, bank.last_use + keep});
    if (at <= t) {
      precharge(bank, static_cast<int>(i), t);
      return true;
    }
    consider(at);
  }
  return false;
}

// What a refresh is due for opens no new row and gets no more column commands, but for a row just opened.
void DramController::mark_refresh(Ticks t) {
  const std::size_t count = banks_.size() / pseudo_.size();
  for (std::size_t p = 0; p < pseudo_.size(); ++p) {
    Pseudo& pseudo = pseudo_[p];
    if (t >= pseudo.due) {
      if (per_bank_) {
        banks_[p * count + static_cast<std::size_t>(pseudo.next_bank)].refresh = true;
      } else {
        pseudo.refresh = true;
      }
    }
  }
}

bool DramController::refresh_row_bus(Ticks t) {
  for (std::size_t p = 0; p < pseudo_.size(); ++p) {
    Pseudo& pseudo = pseudo_[p];
    if (t < pseudo.due) {
      consider(pseudo.due);
      continue;
    }
    const int index = static_cast<int>(p);
    if (per_bank_ ? refresh_bank(pseudo, index, t) : refresh_all(pseudo, index, t)) {
      return true;
    }
  }
  return false;
}

bool DramController::refresh_all(Pseudo& pseudo, int index, Ticks t) {
  const std::size_t count = banks_.size() / pseudo_.size(), first = count * static_cast<std::size_t>(index);
  Ticks precharge_at = std::max(row_free_, pseudo.next_precharge), refresh_at = align(std::max(t, row_free_));
  bool open = false;
  for (std::size_t i = first; i < first + count; ++i) {
    const Bank& bank = banks_[i];
    if (bank.opened_for >= 0) {
      return false;  // its column command comes first
    }
    if (bank.open >= 0) {
      open = true;
      precharge_at = std::max(precharge_at, bank.next_precharge);
    }
    refresh_at = std::max(refresh_at, align(bank.next_activate));
  }
  const Ticks at = open ? precharge_at : refresh_at;
  if (at > t) {
    consider(at);
    return false;
  }
  for (std::size_t i = first; i < first + count; ++i) {
    Bank& bank = banks_[i];
    if (bank.open >= 0) {
      precharge(bank, -1, t);
    } else if (!open) {
      bank.next_activate = t + ticks_.rfc;
    }
  }
  row_free_ = t + ticks_.row_bus;
  if (shared_bus_) {
    column_free_ = row_free_;
  }
  if (open) {
    pseudo.next_precharge = t + ticks_.ppd;
  } else {
    pseudo.refresh = false;
    pseudo.due += ticks_.refi;
    ++counters_.refreshes;
  }
  record(t, open ? DramOp::kPrechargeAll : DramOp::kRefreshAll, index, -1, -1, -1);
  return true;
}

bool DramController::refresh_bank(Pseudo& pseudo, int index, Ticks t) {
  const std::size_t count = banks_.size() / pseudo_.size(), first = count * static_cast<std::size_t>(index);
  const std::size_t at_bank = first + static_cast<std::size_t>(pseudo.next_bank);
  Bank& bank = banks_[at_bank];
  if (bank.opened_for >= 0) {
    return false;
  }
  const Ticks at = bank.open >= 0 ? std::max({row_free_, pseudo.next_precharge, bank.next_precharge})
                                  : align(std::max({t, row_free_, bank.next_activate, pseudo.next_refresh}));
  if (at > t) {
    consider(at);
    return false;
  }
  if (bank.open >= 0) {
    precharge(bank, static_cast<int>(at_bank), t);
    return true;
  }
  bank.refresh = false;
  bank.next_activate = t + ticks_.rfc_pb;
  pseudo.next_refresh = t + ticks_.rrefd;
  Set* const sets = &sets_state_[static_cast<std::size_t>(index * sets_)];
  for (int s = 0; s < sets_; ++s) {
    sets[s].activate = std::max(sets[s].activate, t + ticks_.pbr2act);
  }
  pseudo.due += ticks_.refi_pb;
  pseudo.next_bank = (pseudo.next_bank + 1) % static_cast<int>(count);
  row_free_ = t + ticks_.row_bus;
  if (shared_bus_) {
    column_free_ = row_free_;
  }
  ++bank_refreshes_;
  record(t, DramOp::kRefreshBank, index, bank.group, static_cast<int>(at_bank) % banks_per_group_, -1);
  return true;
}

}  // namespace mantissa::hardware
