// SPDX-License-Identifier: Apache-2.0
// The write buffer of a pseudo-channel.
#include <algorithm>
#include <iterator>

#include "hardware/dram_channel.h"

namespace mantissa::hardware {

Femtoseconds PseudoChannel::write(Femtoseconds now, std::int64_t begin, std::int64_t end) {
  const std::int64_t set_bytes = mapping_.row_set_bytes();
  now = std::max(now, write_accepted_);  // behind writes that still wait for room
  while (begin < end) {
    const std::int64_t stop = std::min(end, (begin & ~(set_bytes - 1)) + set_bytes);
    const bool continues = !writes_.empty() && writes_.back().end == begin && (begin & (set_bytes - 1)) != 0;
    if (continues) {  // goes on where the last one ended, in the same row set
      Part& last = writes_.back();
      buffered_ -= last.bursts;
      last.end = stop;
      last.bursts = mapping_.bursts(last.begin, last.end);
      buffered_ += last.bursts;
    } else {
      writes_.push_back({begin, stop, mapping_.bursts(begin, stop)});
      buffered_ += writes_.back().bursts;
    }
    last_write_ = now;
    if (writing_) {  // no read since the last write: nothing is won by holding this one back
      drain_to(0, now);
    } else if (buffered_ >= kHighWatermark) {
      drain_to(kLowWatermark, now);
    }
    begin = stop;
  }
  write_accepted_ = space_in_buffer(now);
  return write_accepted_;
}

// Planned writes fill the buffer until their data is on the bus: a long one leaves it piece by piece.
void PseudoChannel::leaves_buffer(Femtoseconds end, int bursts) {
  constexpr int kPiece = 16;
  while (bursts > 0) {
    const int piece = bursts > kPiece ? kPiece : bursts;
    const Femtoseconds at = end - (bursts - piece) * times_.slot;
    auto place = leaving_.end();
    while (place != leaving_.begin() && std::prev(place)->end > at) {
      --place;
    }
    leaving_.insert(place, {at, piece});
    leaving_bursts_ += piece;
    bursts -= piece;
  }
}

// When all that was written so far is in the buffer or has left it.
Femtoseconds PseudoChannel::space_in_buffer(Femtoseconds now) {
  Femtoseconds accepted = now;
  std::size_t gone = 0;
  while (gone < leaving_.size() && (leaving_[gone].end <= now || leaving_bursts_ + buffered_ > kWriteBufferBursts)) {
    accepted = std::max(accepted, leaving_[gone].end);
    leaving_bursts_ -= leaving_[gone].bursts;
    ++gone;
  }
  leaving_.erase(leaving_.begin(), leaving_.begin() + static_cast<std::ptrdiff_t>(gone));
  return accepted;
}

Femtoseconds PseudoChannel::drain(Femtoseconds now) {
  drain_to(0, now);
  return write_end_;
}

void PseudoChannel::drain_to(int bursts, Femtoseconds now) {
  if (buffered_ <= bursts) {
    return;
  }
  if (!writing_) {
    turn_bus(true);
  }
  std::size_t served = 0;
  while (buffered_ > bursts) {
    const Femtoseconds end = serve(now, writes_[served], true);
    write_end_ = std::max(write_end_, end);
    leaves_buffer(end, writes_[served].bursts);
    buffered_ -= writes_[served].bursts;
    ++served;
  }
  writes_.erase(writes_.begin(), writes_.begin() + static_cast<std::ptrdiff_t>(served));
}

// A controller uses idle time to write. The writes are planned back in time, and only if they end before `now`, so that
// no read waits for them.
void PseudoChannel::drain_if_idle(Femtoseconds now) {
  const Femtoseconds start = std::max(bus_.end(), last_write_);
  const Femtoseconds cost = times_.read_to_write + times_.rp + times_.rcd_write + times_.cwl +
                            buffered_ * times_.ccd_l + times_.wtr_l + times_.wr;
  if (start + cost < now) {
    drain_to(0, start);
  }
}

}  // namespace mantissa::hardware
