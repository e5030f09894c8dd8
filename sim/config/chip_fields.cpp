// SPDX-License-Identifier: Apache-2.0
// Every key of a chip file. Ranges are wide enough for chips that do not exist yet; they catch a wrong unit, not a bold
// design.
#include "config/fields.h"

namespace mantissa::config {
namespace {

constexpr double kHuge = 1e15;
constexpr double kMaxCount = 1 << 20;
constexpr double kKib = 1024, kMib = 1024 * 1024;

constexpr auto kI = FieldType::kInteger;
constexpr auto kN = FieldType::kNumber;
constexpr auto kT = FieldType::kText;
constexpr auto kB = FieldType::kBoolean;

using V = FieldValue;

int small(const V& v) {
  return static_cast<int>(v.integer);
}
Bytes scaled(const V& v, double unit) {
  return Bytes(static_cast<std::int64_t>(v.number * unit));
}

template <class Architecture>
Architecture& of(Chip& chip) {
  return std::get<Architecture>(chip.architecture);
}

// clang-format off
const Field<Chip> kChipFields[] = {
  {"schema", kI, "", 1, 1, kRequired, "Version of this file's layout.", [](Chip&, const V&) {}},
  {"name", kT, "", 0, 0, kRequired, "Short name, as used on the command line: lower-case letters, digits and _.", [](Chip& c, const V& v) { c.name = v.text; }},
  {"title", kT, "", 0, 0, kRequired, "Name for people, as in tables.", [](Chip& c, const V& v) { c.title = v.text; }},
  {"summary", kT, "", 0, 0, kRequired, "One sentence for `mantissa list`.", [](Chip& c, const V& v) { c.summary = v.text; }},
  {"architecture", kT, "", 0, 0, kRequired, "Which model runs the chip: ane (weights broadcast to a patch of pixels), tpu (weight-stationary arrays) or hopper (SMs with tensor cores). The map of that name holds its own keys.", nullptr},
  {"cores", kI, "", 1, 65536, kRequired, "Cores that work on one kernel together: ANE cores, TensorCores, SMs.", [](Chip& c, const V& v) { c.cores = small(v); }},
  {"clock_mhz", kN, "MHz", 1, 100000, kRequired, "Nominal clock of the cores; a power limit may lower it.", [](Chip& c, const V& v) { c.clock_mhz = v.number; }},
  {"dispatch_us", kN, "us", 0, 1e6, kRequired, "Time from handing work to the chip until it starts.", [](Chip& c, const V& v) { c.dispatch_us = v.number; }},
  {"dispatch_per_kernel", kB, "", 0, 0, kRequired, "true: dispatch_us is paid by every kernel (a launch); false: once for a whole network.", [](Chip& c, const V& v) { c.dispatch_per_kernel = v.boolean; }},

  {"ane.patch_pixels", kI, "", 1, kMaxCount, kRequired, "Output pixels that one weight is multiplied with at once in a core; the rest of a core's multipliers are output channels.", [](Chip& c, const V& v) { of<Ane>(c).patch_pixels = small(v); }},
  {"ane.layer_overhead_cycles", kI, "cycles", 0, kMaxCount, kRequired, "Fixed cost of a layer: configuring the cores.", [](Chip& c, const V& v) { of<Ane>(c).layer_overhead = Cycles(v.integer); }},
  {"ane.row_alignment_bytes", kI, "bytes", 1, 65536, kRequired, "The last axis of a tensor is padded to a multiple of this.", [](Chip& c, const V& v) { of<Ane>(c).row_alignment = Bytes(v.integer); }},

  {"tpu.arrays_per_core", kI, "", 1, 1024, kRequired, "Systolic arrays in a core.", [](Chip& c, const V& v) { of<Tpu>(c).arrays_per_core = small(v); }},
  {"tpu.rows", kI, "", 1, 4096, kRequired, "Rows of an array: the part of the inner dimension (K) it holds.", [](Chip& c, const V& v) { of<Tpu>(c).rows = small(v); }},
  {"tpu.cols", kI, "", 1, 4096, kRequired, "Columns of an array: output columns (N) it holds.", [](Chip& c, const V& v) { of<Tpu>(c).cols = small(v); }},
  {"tpu.weight_rows_per_cycle", kI, "", 1, 4096, kRequired, "Rows of weights pushed into an array per cycle, while the tile before is multiplied.", [](Chip& c, const V& v) { of<Tpu>(c).weight_rows_per_cycle = small(v); }},
  {"tpu.result_latency_cycles", kI, "cycles", 0, kMaxCount, kRequired, "From the last row in to the last result out, beyond the skew of the array.", [](Chip& c, const V& v) { of<Tpu>(c).result_latency = Cycles(v.integer); }},
  {"tpu.accumulate_ops", kN, "ops", 0, 1000, "0", "Vector-unit operations to add a partial result that leaves an array to its sum.", [](Chip& c, const V& v) { of<Tpu>(c).accumulate_ops = v.number; }},
  {"tpu.window_kib", kN, "KiB", 0, 1e9, "0", "Most bytes of operands that one step of a matrix product holds in a core's VMEM; the compiler takes as much as fits. 0: what VMEM has room for.", [](Chip& c, const V& v) { of<Tpu>(c).window = scaled(v, kKib); }},
  {"tpu.vector_cores", kI, "", 0, 65536, "0", "Cores that share a kernel without matrix work; 0: all.", [](Chip& c, const V& v) { of<Tpu>(c).vector_cores = small(v); }},
  {"tpu.stream_blocks", kI, "", 0, 65536, "0", "Blocks that a kernel without matrix work is cut into, at least, so that loads, work and stores overlap; 0: as large as the staging buffer allows.", [](Chip& c, const V& v) { of<Tpu>(c).stream_blocks = small(v); }},
  {"tpu.stream_largest_kib", kN, "KiB", 1, 1e9, "1", "With stream_blocks: most bytes of such a block, operands and results together.", [](Chip& c, const V& v) { of<Tpu>(c).stream_largest = scaled(v, kKib); }},
  {"tpu.stream_smallest_kib", kN, "KiB", 1, 1e9, "1", "With stream_blocks: fewer blocks where they would be smaller than this.", [](Chip& c, const V& v) { of<Tpu>(c).stream_smallest = scaled(v, kKib); }},

  {"hopper.issue_cycles", kI, "cycles", 1, kMaxCount, kRequired, "Least time of one warpgroup matrix instruction, however small.", [](Chip& c, const V& v) { of<Hopper>(c).issue_cycles = small(v); }},
  {"hopper.smem_bytes_per_cycle", kI, "bytes/cycle", 1, kMaxCount, kRequired, "Shared-memory bandwidth for the operands of matrix instructions.", [](Chip& c, const V& v) { of<Hopper>(c).smem_bytes_per_cycle = small(v); }},
  {"hopper.prologue_cycles", kI, "cycles", 0, kMaxCount, kRequired, "From the start of a thread block to its first matrix instruction, beyond the latency of its first load.", [](Chip& c, const V& v) { of<Hopper>(c).prologue = Cycles(v.integer); }},
  {"hopper.epilogue_fixed_cycles", kI, "cycles", 0, kMaxCount, kRequired, "Barriers and scheduling at the end of a thread block, beyond the work on its results.", [](Chip& c, const V& v) { of<Hopper>(c).epilogue_fixed = Cycles(v.integer); }},
  {"hopper.tile_k_bytes", kI, "bytes", 16, 4096, kRequired, "Inner extent of one pipeline stage, in bytes of an operand row.", [](Chip& c, const V& v) { of<Hopper>(c).tile_k_bytes = small(v); }},
  {"hopper.tiles", FieldType::kList, "", 0, 0, kRequired, "Output tiles [m, n] that the library offers; the mapper takes the fastest one for each kernel.", nullptr},

  {"dram.standard", kT, "", 0, 0, kRequired, "Name of the DRAM standard, for people.", [](Chip& c, const V& v) { c.dram.standard = v.text; }},
  {"dram.channels", kI, "", 1, 4096, kRequired, "Independent channels, of all stacks together.", [](Chip& c, const V& v) { c.dram.channels = small(v); }},
  {"dram.pseudo_channels", kI, "", 1, 16, "1", "Pseudo-channels in a channel, each with its own data bus and banks.", [](Chip& c, const V& v) { c.dram.pseudo_channels = small(v); }},
  {"dram.bank_groups", kI, "", 1, 64, kRequired, "Bank groups in a pseudo-channel.", [](Chip& c, const V& v) { c.dram.bank_groups = small(v); }},
  {"dram.banks_per_group", kI, "", 1, 64, kRequired, "Banks in a bank group.", [](Chip& c, const V& v) { c.dram.banks_per_group = small(v); }},
  {"dram.page_bytes", kI, "bytes", 64, 65536, kRequired, "An open row of one bank, in one pseudo-channel.", [](Chip& c, const V& v) { c.dram.page = Bytes(v.integer); }},
  {"dram.burst_bytes", kI, "bytes", 8, 1024, kRequired, "One column access of a pseudo-channel.", [](Chip& c, const V& v) { c.dram.burst = Bytes(v.integer); }},
  {"dram.clock_period_ns", kN, "ns", 0.01, 100, kRequired, "tCK; the timings below count it.", [](Chip& c, const V& v) { c.dram.clock_period_ns = v.number; }},
  {"dram.burst_cycles", kI, "tCK", 1, 1024, kRequired, "Data bus time of one burst.", [](Chip& c, const V& v) { c.dram.burst_cycles = Cycles(v.integer); }},
  {"dram.ccd_s_cycles", kI, "tCK", 1, kMaxCount, kRequired, "tCCD_S: column access to column access, other bank group.", [](Chip& c, const V& v) { c.dram.ccd_s = Cycles(v.integer); }},
  {"dram.ccd_l_cycles", kI, "tCK", 1, kMaxCount, kRequired, "tCCD_L: column access to column access, same bank group.", [](Chip& c, const V& v) { c.dram.ccd_l = Cycles(v.integer); }},
  {"dram.rcd_read_cycles", kI, "tCK", 1, kMaxCount, kRequired, "tRCD for reads: activate to read.", [](Chip& c, const V& v) { c.dram.rcd_read = Cycles(v.integer); }},
  {"dram.rcd_write_cycles", kI, "tCK", 1, kMaxCount, kRequired, "tRCD for writes: activate to write.", [](Chip& c, const V& v) { c.dram.rcd_write = Cycles(v.integer); }},
  {"dram.rp_cycles", kI, "tCK", 1, kMaxCount, kRequired, "tRP: precharge to activate.", [](Chip& c, const V& v) { c.dram.rp = Cycles(v.integer); }},
  {"dram.ras_cycles", kI, "tCK", 1, kMaxCount, kRequired, "tRAS: activate to precharge.", [](Chip& c, const V& v) { c.dram.ras = Cycles(v.integer); }},
  {"dram.rc_cycles", kI, "tCK", 1, kMaxCount, kRequired, "tRC: activate to activate of one bank.", [](Chip& c, const V& v) { c.dram.rc = Cycles(v.integer); }},
  {"dram.cl_cycles", kI, "tCK", 1, kMaxCount, kRequired, "CL: read command to its first data.", [](Chip& c, const V& v) { c.dram.cl = Cycles(v.integer); }},
  {"dram.cwl_cycles", kI, "tCK", 1, kMaxCount, kRequired, "CWL: write command to its first data.", [](Chip& c, const V& v) { c.dram.cwl = Cycles(v.integer); }},
  {"dram.wr_cycles", kI, "tCK", 1, kMaxCount, kRequired, "tWR: end of write data to precharge.", [](Chip& c, const V& v) { c.dram.wr = Cycles(v.integer); }},
  {"dram.rtp_cycles", kI, "tCK", 1, kMaxCount, kRequired, "tRTP: read command to precharge.", [](Chip& c, const V& v) { c.dram.rtp = Cycles(v.integer); }},
  {"dram.rrd_s_cycles", kI, "tCK", 1, kMaxCount, kRequired, "tRRD_S: activate to activate, other bank group.", [](Chip& c, const V& v) { c.dram.rrd_s = Cycles(v.integer); }},
  {"dram.rrd_l_cycles", kI, "tCK", 1, kMaxCount, kRequired, "tRRD_L: activate to activate, same bank group.", [](Chip& c, const V& v) { c.dram.rrd_l = Cycles(v.integer); }},
  {"dram.faw_cycles", kI, "tCK", 1, kMaxCount, kRequired, "tFAW: window that holds at most four activates of a pseudo-channel.", [](Chip& c, const V& v) { c.dram.faw = Cycles(v.integer); }},
  {"dram.wtr_s_cycles", kI, "tCK", 1, kMaxCount, kRequired, "tWTR_S: end of write data to read, other bank group.", [](Chip& c, const V& v) { c.dram.wtr_s = Cycles(v.integer); }},
  {"dram.wtr_l_cycles", kI, "tCK", 1, kMaxCount, kRequired, "tWTR_L: end of write data to read, same bank group.", [](Chip& c, const V& v) { c.dram.wtr_l = Cycles(v.integer); }},
  {"dram.rtw_cycles", kI, "tCK", 1, kMaxCount, kRequired, "tRTW: read command to write command.", [](Chip& c, const V& v) { c.dram.rtw = Cycles(v.integer); }},
  {"dram.rfc_cycles", kI, "tCK", 1, kMaxCount, kRequired, "tRFC: time of one all-bank refresh.", [](Chip& c, const V& v) { c.dram.rfc = Cycles(v.integer); }},
  {"dram.refi_cycles", kI, "tCK", 1, kMaxCount, kRequired, "tREFI: from one refresh to the next.", [](Chip& c, const V& v) { c.dram.refi = Cycles(v.integer); }},
  {"dram.fidelity", kT, "", 0, 0, "burst", "burst: requests are planned in row-sized runs, in order per bank (fast; for streams); command: every DRAM command, scheduled first ready, first come first served (exact; for irregular traffic).", nullptr},
  {"dram.mapping", kT, "", 0, 0, kOptional, "Address fields from the most significant down, such as 'row bank column bank_group pseudo_channel channel column:1'; ':N' takes N bits of a field, the rest stands where the field has no number; the bytes of a burst lie below. Absent: interleave_bytes decides.", [](Chip& c, const V& v) { c.dram.mapping = v.text; }},
  {"dram.mapping_xor", kB, "", 0, 0, "true", "Fold upper address bits into channel, pseudo-channel, bank group and bank, so that strides spread.", [](Chip& c, const V& v) { c.dram.mapping_xor = v.boolean; }},
  {"dram.stack_ids", kI, "", 1, 16, "1", "Dies that share a pseudo-channel: the banks of a group lie in them in equal parts.", [](Chip& c, const V& v) { c.dram.stack_ids = small(v); }},
  {"dram.ccd_r_cycles", kI, "tCK", 0, kMaxCount, "0", "tCCD_R: column access to column access of another stack ID; 0: as tCCD_S. Command fidelity.", [](Chip& c, const V& v) { c.dram.ccd_r = Cycles(v.integer); }},
  {"dram.ppd_cycles", kI, "tCK", 0, kMaxCount, "0", "tPPD: precharge to precharge of a pseudo-channel. Command fidelity.", [](Chip& c, const V& v) { c.dram.ppd = Cycles(v.integer); }},
  {"dram.activate_command_cycles", kN, "tCK", 1, 16, "1", "Time of an activate on the row command bus; with half a cycle in it, other row commands take half a cycle and activates start on whole ones. Command fidelity.", [](Chip& c, const V& v) { c.dram.activate_command_cycles = v.number; }},
  {"dram.shared_command_bus", kB, "", 0, 0, "false", "true: row and column commands share one bus (LPDDR); an activate of two cycles may let others in between its parts. Command fidelity.", [](Chip& c, const V& v) { c.dram.shared_command_bus = v.boolean; }},
  {"dram.refresh", kT, "", 0, 0, "all_bank", "all_bank or per_bank (per_bank: only with command fidelity).", nullptr},
  {"dram.stagger_refresh", kB, "", 0, 0, "false", "true: the pseudo-channels of a channel refresh at different times. Command fidelity.", [](Chip& c, const V& v) { c.dram.stagger_refresh = v.boolean; }},
  {"dram.rfc_pb_cycles", kI, "tCK", 0, kMaxCount, "0", "tRFC of a per-bank refresh.", [](Chip& c, const V& v) { c.dram.rfc_pb = Cycles(v.integer); }},
  {"dram.refi_pb_cycles", kI, "tCK", 0, kMaxCount, "0", "From one per-bank refresh of a pseudo-channel to the next.", [](Chip& c, const V& v) { c.dram.refi_pb = Cycles(v.integer); }},
  {"dram.rrefd_cycles", kI, "tCK", 0, kMaxCount, "0", "Least time from one per-bank refresh to the next.", [](Chip& c, const V& v) { c.dram.rrefd = Cycles(v.integer); }},
  {"dram.pbr2act_cycles", kI, "tCK", 0, kMaxCount, "0", "Per-bank refresh to an activate of another bank.", [](Chip& c, const V& v) { c.dram.pbr2act = Cycles(v.integer); }},
  {"dram.page_policy", kT, "", 0, 0, "open", "open: rows stay open; closed: a row without waiting requests closes at once; timeout: after page_timeout_cycles. Command fidelity, as all keys of the scheduler below.", nullptr},
  {"dram.page_timeout_cycles", kI, "tCK", 0, kMaxCount, "0", "page_policy: timeout.", [](Chip& c, const V& v) { c.dram.scheduler.page_timeout = Cycles(v.integer); }},
  {"dram.read_queue", kI, "requests", 1, 4096, "64", "Reads that a channel's controller can choose from.", [](Chip& c, const V& v) { c.dram.scheduler.read_queue = small(v); }},
  {"dram.write_queue", kI, "requests", 1, 4096, "64", "Writes that a channel's controller can hold.", [](Chip& c, const V& v) { c.dram.scheduler.write_queue = small(v); }},
  {"dram.bank_queue", kI, "requests", 0, 4096, "0", "Requests of one bank that the controller can hold, reads and writes together; 0: only the limits above.", [](Chip& c, const V& v) { c.dram.scheduler.bank_queue = small(v); }},
  {"dram.front_queue", kI, "requests", 0, 4096, "0", "Requests in front of the bank queues; one whose bank is full lets others pass.", [](Chip& c, const V& v) { c.dram.scheduler.front_queue = small(v); }},
  {"dram.group_writes", kB, "", 0, 0, "true", "true: writes wait for write_high; false: the oldest request of each bank first, read or write.", [](Chip& c, const V& v) { c.dram.scheduler.group_writes = v.boolean; }},
  {"dram.posted_writes", kB, "", 0, 0, "true", "true: a write is complete when the controller has it; false: when it is issued.", [](Chip& c, const V& v) { c.dram.scheduler.posted_writes = v.boolean; }},
  {"dram.write_high", kN, "", 0, 1, "0.8", "Share of write_queue above which writing starts.", [](Chip& c, const V& v) { c.dram.scheduler.write_high = v.number; }},
  {"dram.write_low", kN, "", 0, 1, "0.2", "Share of write_queue below which reading goes on.", [](Chip& c, const V& v) { c.dram.scheduler.write_low = v.number; }},
  {"dram.row_hit_cap", kI, "", 0, kMaxCount, "0", "Hits on a row after which an older request to another row of the bank comes first; 0: no limit.", [](Chip& c, const V& v) { c.dram.scheduler.row_hit_cap = small(v); }},
  {"dram.interleave_bytes", kI, "bytes", 8, kMib, kRequired, "Consecutive bytes in one pseudo-channel before the next one (address mapping).", [](Chip& c, const V& v) { c.dram.interleave = Bytes(v.integer); }},
  {"dram.capacity_mib", kN, "MiB", 1, 1e9, kRequired, "Size of the whole memory.", [](Chip& c, const V& v) { c.dram.capacity = scaled(v, kMib); }},
  {"dram.activate_pj", kN, "pJ", 0, 1e6, kRequired, "Energy of one activate with its precharge.", [](Chip& c, const V& v) { c.dram.activate_pj = v.number; }},
  {"dram.read_pj_per_bit", kN, "pJ/bit", 0, 1e4, kRequired, "Energy of a read in the device core.", [](Chip& c, const V& v) { c.dram.read_pj_per_bit = v.number; }},
  {"dram.write_pj_per_bit", kN, "pJ/bit", 0, 1e4, kRequired, "Energy of a write in the device core.", [](Chip& c, const V& v) { c.dram.write_pj_per_bit = v.number; }},
  {"dram.io_pj_per_bit", kN, "pJ/bit", 0, 1e4, kRequired, "Energy between the device core and the chip's memory controller: I/O, PHYs, controller.", [](Chip& c, const V& v) { c.dram.io_pj_per_bit = v.number; }},
  {"dram.refresh_nj", kN, "nJ", 0, 1e6, kRequired, "Energy of one all-bank refresh of one pseudo-channel.", [](Chip& c, const V& v) { c.dram.refresh_nj = v.number; }},
  {"dram.background_mw", kN, "mW", 0, 1e6, kRequired, "Standby power of one channel with its share of the stack.", [](Chip& c, const V& v) { c.dram.background_mw = v.number; }},
  {"dram.controller_latency_ns", kN, "ns", 0, 1e5, kRequired, "From a core to the device and back, outside the device: on-chip network, controller, PHY.", [](Chip& c, const V& v) { c.dram.controller_latency_ns = v.number; }},

  {"dma.chunk_bytes", kI, "bytes", 8, kHuge, kRequired, "Size of one request to the memory system.", [](Chip& c, const V& v) { c.dma.chunk = Bytes(v.integer); }},
  {"dma.outstanding", kI, "", 1, 65536, kRequired, "Requests in flight from one core.", [](Chip& c, const V& v) { c.dma.outstanding = small(v); }},
  {"dma.granularity_bytes", kI, "bytes", 1, 65536, kRequired, "Rows of a transfer are padded to a multiple of this.", [](Chip& c, const V& v) { c.dma.granularity = Bytes(v.integer); }},
  {"dma.bytes_per_cycle", kN, "bytes/cycle", 0.001, kHuge, kRequired, "Bandwidth of one core's port.", [](Chip& c, const V& v) { c.dma.bytes_per_cycle = v.number; }},
  {"dma.setup_cycles", kI, "cycles", 0, kMaxCount, kRequired, "From a descriptor to its first request.", [](Chip& c, const V& v) { c.dma.setup = Cycles(v.integer); }},
  {"dma.copy_bytes_per_cycle", kN, "bytes/cycle", 0, kHuge, "0", "Rate of copies from DRAM to the shared memory, which pass no core's port; 0: copies go through the cores.", [](Chip& c, const V& v) { c.dma.copy_bytes_per_cycle = v.number; }},

  {"shared.capacity_kib", kN, "KiB", 0, 1e9, kRequired, "On-chip memory that all cores share: L2 data buffer (ANE), CMEM (TPU), L2 cache (H100).", [](Chip& c, const V& v) { c.shared.capacity = scaled(v, kKib); }},
  {"shared.bytes_per_cycle", kN, "bytes/cycle", 0.001, kHuge, kRequired, "Its bandwidth, all cores together.", [](Chip& c, const V& v) { c.shared.bytes_per_cycle = v.number; }},
  {"shared.latency_cycles", kI, "cycles", 0, kMaxCount, kRequired, "Request to first data.", [](Chip& c, const V& v) { c.shared.latency = Cycles(v.integer); }},
  {"shared.pj_per_byte", kN, "pJ/byte", 0, 1e5, kRequired, "Energy of moving a byte between it and a core.", [](Chip& c, const V& v) { c.shared.pj_per_byte = v.number; }},

  {"staging.capacity_kib", kN, "KiB", 0.001, 1e9, kRequired, "A core's own buffer: kernel and data buffers (ANE), VMEM (TPU), shared memory (H100).", [](Chip& c, const V& v) { c.staging.capacity = scaled(v, kKib); }},
  {"staging.bytes_per_cycle", kN, "bytes/cycle", 0.001, kHuge, kRequired, "Bandwidth towards the matrix unit.", [](Chip& c, const V& v) { c.staging.bytes_per_cycle = v.number; }},
  {"staging.depth", kI, "", 1, 64, kRequired, "Tiles in the buffer, counting the one in work: 2 is double buffering.", [](Chip& c, const V& v) { c.staging.depth = small(v); }},
  {"staging.pj_per_byte", kN, "pJ/byte", 0, 1e5, kRequired, "Energy of moving a byte between the buffer and the units.", [](Chip& c, const V& v) { c.staging.pj_per_byte = v.number; }},

  {"vector.ops_per_cycle", kN, "ops/cycle", 0.001, kHuge, kRequired, "Element operations of one core's vector unit.", [](Chip& c, const V& v) { c.vector.ops_per_cycle = v.number; }},
  {"vector.special_per_cycle", kN, "ops/cycle", 0.001, kHuge, kRequired, "Exponentials, reciprocals, tanh and the like of one core.", [](Chip& c, const V& v) { c.vector.special_per_cycle = v.number; }},
  {"vector.op_pj", kN, "pJ", 0, 1e5, kRequired, "Energy of one element operation.", [](Chip& c, const V& v) { c.vector.op_pj = v.number; }},

  {"power.idle_w", kN, "W", 0, 1e5, kRequired, "Whole chip with its clocks running and no work, without DRAM standby.", [](Chip& c, const V& v) { c.power.idle = Watts(v.number); }},
  {"power.active_w", kN, "W", 0, 1e5, kRequired, "Added while a kernel runs (clock trees, schedulers), at the nominal clock.", [](Chip& c, const V& v) { c.power.active = Watts(v.number); }},
  {"power.limit_w", kN, "W", 0.001, 1e5, kOptional, "The governor lowers the clock to stay below this power.", [](Chip& c, const V& v) { c.power.limit = Watts(v.number); }},
  {"power.min_clock_mhz", kN, "MHz", 1, 100000, kRequired, "The governor goes no lower.", [](Chip& c, const V& v) { c.power.min_clock_mhz = v.number; }},
  {"power.voltage_slope", kN, "", 0, 2, kRequired, "Relative change of the voltage for a relative change of the clock; energy of an event goes with the voltage squared.", [](Chip& c, const V& v) { c.power.voltage_slope = v.number; }},

  {"interconnect.topology", kT, "", 0, 0, kRequired, "How chips of this kind are connected: torus (a grid of up to three axes with links between neighbours). Without `interconnect` a chip works alone.", nullptr},
  {"interconnect.link_gbytes_per_s", kN, "GB/s", 1e-6, kHuge, kRequired, "What transfers reach on one link in one direction.", [](Chip& c, const V& v) { c.interconnect->link = BytesPerSecond(v.number * 1e9); }},
  {"interconnect.hop_us", kN, "us", 0, 1e6, kRequired, "From a chip to its neighbour, beyond the time of the bytes.", [](Chip& c, const V& v) { c.interconnect->hop = Seconds(v.number * 1e-6); }},
  {"interconnect.launch_us", kN, "us", 0, 1e6, kRequired, "Fixed cost of one collective operation: starting it on all chips and seeing its end.", [](Chip& c, const V& v) { c.interconnect->launch = Seconds(v.number * 1e-6); }},
  {"interconnect.wrap_multiple", kI, "chips", 1, 65536, kRequired, "An axis of so many chips, or a multiple of it, closes to a ring.", [](Chip& c, const V& v) { c.interconnect->wrap_multiple = small(v); }},
  {"interconnect.max_chips", kI, "chips", 1, 65536, kRequired, "Most chips that work together.", [](Chip& c, const V& v) { c.interconnect->max_chips = small(v); }},
  {"interconnect.pj_per_bit", kN, "pJ/bit", 0, 1e4, kRequired, "Energy of a bit over one link, both ends.", [](Chip& c, const V& v) { c.interconnect->pj_per_bit = v.number; }},

  {"area.process", kT, "", 0, 0, kRequired, "Manufacturing process that the numbers of this map are of, for people. Without `area` the chip has no die area.", [](Chip& c, const V& v) { c.area->process = v.text; }},
  {"area.product_um2_per_bit2", kN, "um2", 0, 1e6, kRequired, "Area of a multiplier for each pair of significand bits of its operands, with its share of registers and wires.", [](Chip& c, const V& v) { c.area->product_um2_per_bit2 = v.number; }},
  {"area.integer_add_um2_per_bit", kN, "um2", 0, 1e6, kRequired, "Area of an integer adder, for each bit.", [](Chip& c, const V& v) { c.area->integer_add_um2_per_bit = v.number; }},
  {"area.float_add_um2_per_bit", kN, "um2", 0, 1e6, kRequired, "Area of a floating-point adder with its shifters, for each significand bit.", [](Chip& c, const V& v) { c.area->float_add_um2_per_bit = v.number; }},
  {"area.sram_mm2_per_mib", kN, "mm2", 0, 1e4, kRequired, "Area of on-chip memory (shared and staging), periphery included.", [](Chip& c, const V& v) { c.area->sram_mm2_per_mib = v.number; }},
  {"area.dram_channel_mm2", kN, "mm2", 0, 1e4, kRequired, "PHY and controller of one of dram.channels.", [](Chip& c, const V& v) { c.area->dram_channel_mm2 = v.number; }},
  {"area.core_mm2", kN, "mm2", 0, 1e4, kRequired, "A core beside its multipliers, vector lanes and buffer: control, registers, its part of the network.", [](Chip& c, const V& v) { c.area->core_mm2 = v.number; }},
  {"area.fixed_mm2", kN, "mm2", 0, 1e4, kRequired, "What no key of this file changes: links, host interface, pads, units that are not modelled or not enabled.", [](Chip& c, const V& v) { c.area->fixed_mm2 = v.number; }},

  {"datapaths", FieldType::kMap, "", 0, 0, kRequired, "Named arithmetic units: how a dot product is accumulated, bit by bit.", nullptr},
  {"precisions", FieldType::kMap, "", 0, 0, kRequired, "What a network can be run at: which datapath, which formats, how fast, at what energy.", nullptr},
  {"default_precision", kT, "", 0, 0, kRequired, "The precision of a run that names none.", nullptr},
  {"sources", FieldType::kMap, "", 0, 0, kRequired, "Key path: who published or measured it. A source for `dram` covers everything below it that is not named more closely.", nullptr},
  {"assumed", FieldType::kMap, "", 0, 0, kOptional, "Key path: why this value, where no source is known. Every fact stands in sources or in assumed.", nullptr},
};

const Field<numerics::Datapath> kDatapathFields[] = {
  {"a", kT, "", 0, 0, kRequired, "Format of the first operand (activations): fp32 tf32 fp16 bf16 fp8_e4m3 fp8_e5m2 int8, or eXmY for an IEEE-like format with X exponent and Y fraction bits.", nullptr},
  {"b", kT, "", 0, 0, kRequired, "Format of the second operand (weights).", nullptr},
  {"operand_rounding", kT, "", 0, 0, "nearest_even", "How operands are rounded to their format: nearest_even, nearest_away or toward_zero.", nullptr},
  {"flush_subnormal_operands", kB, "", 0, 0, "false", "Subnormal operands count as zero.", [](numerics::Datapath& d, const V& v) { d.flush_subnormal_operands = v.boolean; }},
  {"split_passes", kI, "", 0, 6, "0", "1, 3 or 6: operands are split into 1, 2 or 3 values of split_format, which are multiplied in so many passes (FP32 out of BF16 parts); 0: operands are multiplied as they are.", [](numerics::Datapath& d, const V& v) { d.split_passes = small(v); }},
  {"split_format", kT, "", 0, 0, "fp32", "Floating-point format of the parts; goes with split_passes.", nullptr},
  {"interleave", kI, "", 1, 64, "1", "Products are taken in blocks of group x interleave; step s of a block takes every interleave-th run of interleave_run neighbours, from run s on. 1: consecutive products.", [](numerics::Datapath& d, const V& v) { d.interleave = small(v); }},
  {"interleave_run", kI, "products", 1, 1024, "1", "Neighbours that stay together under interleave; divides group.", [](numerics::Datapath& d, const V& v) { d.interleave_run = small(v); }},
  {"accumulation", kT, "", 0, 0, kRequired, "aligned (products and sum are cut at a common exponent), exact (a group is summed exactly, then rounded), sequential_fma (one fused multiply-add after another) or integer (exact sums, see integer_overflow).", nullptr},
  {"group", kI, "", 1, 1024, "1", "Products summed in one step.", [](numerics::Datapath& d, const V& v) { d.group = small(v); }},
  {"align_fraction_bits", kI, "bits", 0, 40, "0", "accumulation: aligned only. Fraction bits kept below the largest exponent of a step.", [](numerics::Datapath& d, const V& v) { d.align_fraction_bits = small(v); }},
  {"zero_operands", kT, "", 0, 0, "ignored", "accumulation: aligned only. Whether zeros take part in the alignment: ignored, or smallest_normal (a zero has exponent -126, so that 0 x 2^120 aligns to 2^-6, as in MMA-Sim).", nullptr},
  {"tile_fraction_bits", kI, "bits", 0, 22, "0", "accumulation: exact only. Fraction bits of the narrow adder that sums a group before it meets the accumulator; 0: no narrow adder.", [](numerics::Datapath& d, const V& v) { d.tile_fraction_bits = small(v); }},
  {"accumulator", kT, "", 0, 0, kRequired, "Format of the running sum; accumulation: integer takes int8 to int32.", nullptr},
  {"accumulator_rounding", kT, "", 0, 0, "nearest_even", "How the running sum is rounded after a step.", nullptr},
  {"integer_overflow", kT, "", 0, 0, "wrap", "accumulation: integer only. What passes the accumulator's range after a group: wrap (two's complement) or saturate.", nullptr},
  {"initial_rounding", kT, "", 0, 0, "toward_zero", "How a sum that comes from outside (c of a*b + c) enters an accumulator of fewer bits: toward_zero, nearest_even, or none (with all its FP32 bits into the first step).", nullptr},
  {"promote_every", kI, "products", 0, 1 << 20, "0", "After so many products the running sum is added to a separate sum (see promotion) and cleared; a multiple of group; 0: never.", [](numerics::Datapath& d, const V& v) { d.promote_every = small(v); }},
  {"promotion", kT, "", 0, 0, "fp32", "Floating-point format of that sum, which is rounded to nearest even; goes with promote_every.", nullptr},
  {"output", kT, "", 0, 0, kRequired, "Format in which the sum leaves the unit; accumulation: integer: one that holds the accumulator.", nullptr},
  {"output_rounding", kT, "", 0, 0, "nearest_even", "How the sum is rounded to the output format.", nullptr},
};

const Field<Precision> kPrecisionFields[] = {
  {"datapath", kT, "", 0, 0, kRequired, "Datapath of convolutions and matrix products.", nullptr},
  {"vector", kT, "", 0, 0, kRequired, "Floating-point format of everything between matrix operations.", nullptr},
  {"weights", kT, "", 0, 0, kOptional, "Format in which weights are stored, where it is not the datapath's: int8 weights that are multiplied as BF16 (weight-only quantization).", nullptr},
  {"depthwise", kT, "", 0, 0, kRequired, "Datapath of grouped convolutions that the matrix unit does not take.", nullptr},
  {"macs_per_cycle", kN, "MACs/cycle", 0.001, kHuge, kOptional, "Peak of one matrix unit (ANE core, SM). A TPU file leaves it out: rows x cols / passes.", nullptr},
  {"passes", kI, "", 1, 64, "1", "Passes over the array for one product (tpu): 6 for FP32 out of BF16 parts.", [](Precision& p, const V& v) { p.passes = small(v); }},
  {"products_per_cell", kI, "", 1, 16, "1", "Products of one cell of an array per cycle (tpu): 2 where INT8 runs at twice the rate of BF16.", [](Precision& p, const V& v) { p.products_per_cell = small(v); }},
  {"operand_ops", kN, "ops", 0, 1000, "0", "Vector-unit operations to bring an element of a matrix operand into the arrays' format, each time it is pushed (tpu).", [](Precision& p, const V& v) { p.operand_ops = v.number; }},
  {"unpack_ops", kN, "ops", 0, 1000, "0", "Vector-unit operations to bring an element from the vector format to FP32 (tpu).", [](Precision& p, const V& v) { p.unpack_ops = v.number; }},
  {"pack_ops", kN, "ops", 0, 1000, "0", "Vector-unit operations to round an FP32 result to the vector format (tpu).", [](Precision& p, const V& v) { p.pack_ops = v.number; }},
  {"mac_pj", kN, "pJ", 0, 1e5, kRequired, "Energy of one multiply-accumulate at the nominal clock, operands at the edge of the unit.", [](Precision& p, const V& v) { p.mac_pj = v.number; }},
};
// clang-format on

constexpr RoundingName kRoundings[] = {{"nearest_even", numerics::Rounding::kNearestEven},
                                       {"nearest_away", numerics::Rounding::kNearestAway},
                                       {"toward_zero", numerics::Rounding::kTowardZero}};
constexpr AccumulationName kAccumulations[] = {{"aligned", numerics::Accumulation::kAligned},
                                               {"exact", numerics::Accumulation::kExact},
                                               {"sequential_fma", numerics::Accumulation::kSequentialFma},
                                               {"integer", numerics::Accumulation::kInteger}};

constexpr ZeroOperandsName kZeroOperands[] = {{"ignored", numerics::ZeroOperands::kIgnored},
                                              {"smallest_normal", numerics::ZeroOperands::kSmallestNormal}};
constexpr IntegerOverflowName kIntegerOverflows[] = {{"wrap", numerics::IntegerOverflow::kWrap},
                                                     {"saturate", numerics::IntegerOverflow::kSaturate}};
constexpr InitialRoundingName kInitialRoundings[] = {{"toward_zero", numerics::InitialRounding::kTowardZero},
                                                     {"nearest_even", numerics::InitialRounding::kNearestEven},
                                                     {"none", numerics::InitialRounding::kNone}};

}  // namespace

std::span<const Field<Chip>> chip_fields() {
  return kChipFields;
}
std::span<const Field<numerics::Datapath>> datapath_fields() {
  return kDatapathFields;
}
std::span<const Field<Precision>> precision_fields() {
  return kPrecisionFields;
}
std::span<const RoundingName> rounding_names() {
  return kRoundings;
}
std::span<const AccumulationName> accumulation_names() {
  return kAccumulations;
}
std::span<const ZeroOperandsName> zero_operands_names() {
  return kZeroOperands;
}
std::span<const IntegerOverflowName> integer_overflow_names() {
  return kIntegerOverflows;
}
std::span<const InitialRoundingName> initial_rounding_names() {
  return kInitialRoundings;
}

}  // namespace mantissa::config
