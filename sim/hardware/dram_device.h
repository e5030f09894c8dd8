// SPDX-License-Identifier: Apache-2.0
// All channels of a DRAM, command by command (dram_controller.h).
//
// MODEL of serve(): the completion time of a transaction is wanted when it arrives, before anybody knows what will
// arrive next. The channels have played their commands up to the arrival; a copy of each channel that the transaction
// touches plays on until it is done, and that is the answer. Later transactions meet the channel itself, so commands,
// bandwidth and counters are those of the scheduler with everything that arrived; only an answer already given does not
// grow when later requests overtake.
#pragma once
#include <vector>

#include "hardware/dram_controller.h"
#include "hardware/dram_mapping.h"

namespace mantissa::hardware {

class DramDevice {
 public:
  // `mapping` must outlive this. Throws ModelError for what cannot be modelled.
  DramDevice(const config::Dram& dram, const DramMapping& mapping);

  // As DramTiming::serve, without the controller's latency: picoseconds, rounded up.
  std::int64_t serve(std::int64_t now_ps, std::int64_t address, std::int64_t bytes, bool is_write);
  std::int64_t drain(std::int64_t now_ps);
  energy::DramCounters counters() const;
  std::int64_t busy_ps(int channel) const;  // averaged over its pseudo-channels

  // One burst, for drivers that play the channels themselves.
  void submit(std::int64_t id, Ticks at, std::int64_t address, bool is_write) {
    const DramPlace place = mapping_.locate(address);
    channels_[static_cast<std::size_t>(place.channel)].submit({id, at, place, is_write});
  }
  std::vector<DramController>& channels() { return channels_; }
  const std::vector<DramController>& channels() const { return channels_; }
  const DramTicks& ticks() const { return ticks_; }

 private:
  void play_until(DramController& channel, Ticks t);

  const DramMapping& mapping_;
  DramTicks ticks_;
  std::int64_t burst_ = 0;
  int pseudo_per_channel_ = 1;
  std::vector<DramController> channels_;
  std::vector<std::int64_t> left_;  // bursts of the transaction in service, of each channel
  std::vector<int> touched_;
  std::vector<DramCompletion> done_;
  std::int64_t next_id_ = 0;
};

}  // namespace mantissa::hardware
