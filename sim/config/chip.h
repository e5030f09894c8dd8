// SPDX-License-Identifier: Apache-2.0
// A chip as its YAML file states it (configs/*.yaml): facts only, each with a source or marked assumed. The loader
// resolves names and checks ranges; a model reads fields, never strings. One struct for each part of the machine; keys
// in the file are the field names with the unit as suffix.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/units.h"
#include "numerics/datapath.h"

namespace mantissa::config {

// How a network's numbers are held and multiplied at one precision of one chip.
struct Precision {
  std::string name;           // "fp8_e4m3"
  numerics::Datapath matrix;  // what convolutions and matrix products go through
  numerics::Format vector;  // format of everything between matrix operations (arithmetic is FP32, results round to it)
  std::optional<numerics::Format> weights;  // how weights are stored, where it is not the datapath's operand format
  numerics::Datapath depthwise;  // grouped convolutions that the matrix unit does not take (the name of a datapath)
  double macs_per_cycle = 0;     // of one matrix unit (ANE core, TPU array, SM), peak
  int passes = 1;                // TPU: passes over the array for one product
  int products_per_cell = 1;     // TPU: products of one cell of an array per cycle
  double mac_pj = 0;             // energy of one multiply-accumulate, operands at the unit's edge
  // Vector-unit operations an element, where the unit computes in another format than memory holds (TPU: FP32).
  double operand_ops = 0;  // TPU: to convert an element of a matrix operand for the arrays, whenever it is pushed
  double unpack_ops = 0, pack_ops = 0;  // from and to the vector format
};

// Which precision each matrix kernel runs at: `base` for all, but for some nodes another one of the same chip (mixed
// precision). Tensors between kernels are kept in the vector format of `base`. REQUIRES: the precisions outlive the
// plan.
class PrecisionPlan {
 public:
  PrecisionPlan(const Precision& base)
      : base_(&base) {}  // NOLINT(google-explicit-constructor): one precision is a plan
  void assign(std::string node, const Precision& precision) { nodes_[std::move(node)] = &precision; }
  const Precision& base() const { return *base_; }
  // Of the matrix kernel whose main node has this name.
  const Precision& of(const std::string& node) const {
    const auto at = nodes_.find(node);
    return at == nodes_.end() ? *base_ : *at->second;
  }
  const std::map<std::string, const Precision*>& nodes() const { return nodes_; }

 private:
  const Precision* base_;
  std::map<std::string, const Precision*> nodes_;
};

enum class DramFidelity { kBurst, kCommand };
enum class DramRefresh { kAllBank, kPerBank };
enum class PagePolicy { kOpen, kClosed, kTimeout };

// How a controller orders commands. Only fidelity kCommand looks at it; kBurst plans requests once, in order per bank.
struct DramScheduler {
  PagePolicy page_policy = PagePolicy::kOpen;
  Cycles page_timeout{};                     // kTimeout: a row without waiting requests closes after it
  int read_queue = 64, write_queue = 64;     // requests of one channel
  int bank_queue = 0;                        // requests of one bank, reads and writes together; 0: no such limit
  int front_queue = 0;                       // in front of the bank queues, served past one whose bank is full; 0: none
  bool posted_writes = true;                 // a write is complete when it is accepted; false: when it is issued
  bool group_writes = true;                  // writes wait for a watermark; false: oldest first, whatever it is
  double write_high = 0.8, write_low = 0.2;  // share of write_queue at which writing starts and ends
  int row_hit_cap = 0;  // hits on a row before older requests to the bank may close it; 0: no limit
};

struct Dram {
  std::string standard;                      // "HBM2"
  int channels = 0;                          // independent command buses, all stacks together
  int pseudo_channels = 1;                   // per channel
  int bank_groups = 0, banks_per_group = 0;  // per pseudo-channel
  int stack_ids = 1;                         // the banks of a group lie in so many dies of equal share
  Bytes page{}, burst{};                     // per pseudo-channel: an open row; one column access
  double clock_period_ns = 0;                // tCK; timings below are in tCK
  Cycles burst_cycles{}, ccd_s{}, ccd_l{}, rcd_read{}, rcd_write{}, rp{}, ras{}, rc{}, cl{}, cwl{}, wr{}, rtp{},
      rrd_s{}, rrd_l{}, faw{}, wtr_s{}, wtr_l{}, rtw{}, rfc{}, refi{};
  Cycles ccd_r{};  // column access to column access of another stack ID; 0: as tCCD_S
  Cycles ppd{};    // precharge to precharge
  DramRefresh refresh = DramRefresh::kAllBank;
  bool stagger_refresh = false;  // pseudo-channels of a channel refresh at different times
  Cycles rfc_pb{}, refi_pb{};    // per-bank refresh: its time, its interval
  Cycles rrefd{}, pbr2act{};     // per-bank refresh to the next one, and to an activate of another bank
  double activate_command_cycles =
      1;                            // time of an ACT on the row command bus; halves: other row commands take half a tCK
  bool shared_command_bus = false;  // row and column commands share one bus
  std::string mapping;              // address fields from the top; empty: interleave decides
  bool mapping_xor = true;          // fold upper bits into channel, pseudo-channel, bank group and bank
  DramFidelity fidelity = DramFidelity::kBurst;
  DramScheduler scheduler;
  Bytes interleave{};  // consecutive bytes in one pseudo-channel before the next (address mapping)
  Bytes capacity{};
  double activate_pj = 0;  // one ACT and its PRE
  double read_pj_per_bit = 0, write_pj_per_bit = 0, io_pj_per_bit = 0;
  double refresh_nj = 0;             // one all-bank refresh of one pseudo-channel
  double background_mw = 0;          // per channel
  double controller_latency_ns = 0;  // request to controller and data back, outside the device

  BytesPerSecond peak() const {
    return BytesPerSecond(static_cast<double>(burst.count() * channels * pseudo_channels) /
                          (static_cast<double>(burst_cycles.count()) * clock_period_ns * 1e-9));
  }
};

// Moves data between DRAM or shared memory and a core's staging buffer.
struct Dma {
  Bytes chunk{};                    // one request to the memory system
  int outstanding = 0;              // requests in flight per core
  Bytes granularity{};              // transfers are padded to this
  double bytes_per_cycle = 0;       // of one core's port
  Cycles setup{};                   // from descriptor to first request
  double copy_bytes_per_cycle = 0;  // from DRAM to the shared memory, past the cores' ports; 0: there is no such engine
};

// The on-chip memory that all cores share: L2 data buffer (ANE), CMEM (TPU), L2 cache (H100).
struct SharedMemory {
  Bytes capacity{};
  double bytes_per_cycle = 0;  // all cores together
  Cycles latency{};
  double pj_per_byte = 0;
};

struct Staging {  // a core's own buffer: kernel + data buffers (ANE), VMEM (TPU), shared memory (H100)
  Bytes capacity{};
  double bytes_per_cycle = 0;  // towards the matrix unit
  int depth = 2;               // tile tasks loaded ahead of the one that computes, it included
  double pj_per_byte = 0;
};

struct VectorUnit {              // per core
  double ops_per_cycle = 0;      // FP32 lane operations
  double special_per_cycle = 0;  // exp, reciprocal, tanh ...
  double op_pj = 0;
};

struct Ane {
  int patch_pixels = 0;     // output pixels that one weight is multiplied with at once; the rest of a core's MACs
                            // are output channels
  Cycles layer_overhead{};  // compiler cost model, per layer
  Bytes row_alignment{};    // last axis is padded to this
};

struct Tpu {
  int arrays_per_core = 0;
  int rows = 0, cols = 0;
  int weight_rows_per_cycle = 1;  // weight push
  Cycles result_latency{};        // last row in to first result out beyond the skew (pop, FIFO)
  double accumulate_ops = 0;      // vector-unit operations to add one partial result that leaves an array
  Bytes window{};         // most operand bytes of one grid step of a matrix product, in a core's VMEM; 0: what fits
  int vector_cores = 0;   // cores that share a kernel without matrix work; 0: all
  int stream_blocks = 0;  // a kernel without matrix work is cut into so many at least; 0: as the staging buffer allows
  Bytes stream_largest{}, stream_smallest{};  // of one such block
};

struct Hopper {
  int issue_cycles = 0;          // floor of one wgmma
  int smem_bytes_per_cycle = 0;  // operand reads of wgmma
  Cycles prologue{},
      epilogue_fixed{};  // CTA start to first wgmma beyond load latency; barrier and scheduling at its end
  struct Tile {
    int m, n;
  };
  std::vector<Tile> tiles;  // what a library offers
  int tile_k_bytes = 0;     // K extent of one stage, in bytes of an operand row
};

struct PowerModel {
  Watts idle{};                // whole chip (board), clocks running
  Watts active{};              // added while a kernel runs (clock trees, schedulers), at the nominal clock
  std::optional<Watts> limit;  // the governor lowers the clock to stay below
  double min_clock_mhz = 0;    // governor's floor
  double voltage_slope = 0;    // relative voltage change for a relative clock change; dynamic energy ~ V^2
};

// What connects chips of this kind with each other. A torus: chips stand in a grid of up to three axes with a link to
// each neighbour, both directions at once; an axis whose length is a multiple of `wrap_multiple` closes to a ring.
struct Interconnect {
  enum class Topology { kTorus };
  Topology topology = Topology::kTorus;
  BytesPerSecond link{};  // of one link in one direction, what transfers reach
  Seconds hop{};          // from a chip to its neighbour, beyond the time of the bytes
  Seconds launch{};       // of one collective operation: starting it on all chips and seeing its end
  int wrap_multiple = 4;
  int max_chips = 1;
  double pj_per_bit = 0;  // a bit over one link, both ends
};

// What die area is made of (config/area.h), at the chip's process.
struct AreaModel {
  std::string process;              // for people: "TSMC 4N"
  double product_um2_per_bit2 = 0;  // of a multiplier, for each pair of significand bits
  double integer_add_um2_per_bit = 0, float_add_um2_per_bit = 0;
  double sram_mm2_per_mib = 0;
  double dram_channel_mm2 = 0;  // PHY and controller of one of dram.channels
  double core_mm2 = 0;          // of a core, beside its multipliers, lanes and buffer
  double fixed_mm2 = 0;         // whatever does not scale with the keys of this file
};

class YamlNode;

struct Chip {
  std::string name, title, summary;
  std::string path;  // file it came from
  std::string hash;  // of the file's bytes
  int cores = 0;     // ANE cores, TensorCores, SMs
  double clock_mhz = 0;
  double dispatch_us = 0;  // per kernel (launch) - Hopper, TPU; per network run - ANE
  bool dispatch_per_kernel = true;
  std::variant<Ane, Tpu, Hopper> architecture;
  Dram dram;
  Dma dma;
  SharedMemory shared;
  Staging staging;
  VectorUnit vector;
  PowerModel power;
  std::optional<AreaModel> area;
  std::optional<Interconnect> interconnect;  // none: it works alone
  std::map<std::string, numerics::Datapath> datapaths;
  std::vector<Precision> precisions;
  std::string default_precision;
  std::map<std::string, std::string> sources;  // key path -> source
  std::map<std::string, std::string> assumed;  // key path -> why this value

  Hertz clock() const { return Hertz(clock_mhz * 1e6); }
  // ConfigError-free lookup; nullptr when the chip has no such precision.
  const Precision* find_precision(std::string_view name) const;
};

// Reads and checks a chip file. Throws ConfigError with every mistake found (at most 20).
Chip load_chip(const std::string& path);
// The same for a file that is parsed already (a sweep changes values in between).
Chip parse_chip(const YamlNode& root, const std::string& path);

}  // namespace mantissa::config
