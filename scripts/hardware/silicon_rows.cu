// SPDX-License-Identifier: Apache-2.0
// Runs rows of bit patterns through the tensor cores of an NVIDIA GPU: the other half of `mantissa dot --expect`.
//
//   nvcc -arch=sm_90a -o silicon_rows scripts/hardware/silicon_rows.cu
//   silicon_rows fp16 < rows.csv > rows_gpu.csv
//
// Reads CSV with columns a, b, c (docs/silicon.md) and writes it with a column d_gpu more. One warp (wgmma: four) computes
// one row: every row of the A fragment is `a`, every column of the B fragment is `b`, every element of C is `c`, so each
// element of D is the result, wherever the instruction puts it. Within one instruction the order of k does not matter to
// a sum that is aligned as a whole, but does where the instruction is emulated by several; the fragments below follow the
// PTX manual, in which lane 4g + t holds the k named at each load.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

constexpr int kWords = 16;  // 32-bit words of one operand, at most (TF32: 8, others: 8)

struct Row {
  uint32_t a[kWords], b[kWords];
  uint32_t c;
};

// 32-bit registers: a[0], a[2] and b[0], b[1] hold the two halves of k; a[1] and a[3] are the lower rows of the fragment.
#define MMA(shape, types, c_kind)                                                                                     \
  asm volatile("mma.sync.aligned." shape ".row.col." types " {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%10,%10,%10,%10};" \
               : "=" c_kind(d[0]), "=" c_kind(d[1]), "=" c_kind(d[2]), "=" c_kind(d[3])                                \
               : "r"(a0), "r"(a0), "r"(a1), "r"(a1), "r"(b0), "r"(b1), c_kind(c))

#define MMA_F16(shape, types)                                                                                \
  asm volatile("mma.sync.aligned." shape ".row.col." types " {%0,%1}, {%2,%3,%4,%5}, {%6,%7}, {%8,%8};"        \
               : "=r"(d[0]), "=r"(d[1])                                                                      \
               : "r"(a0), "r"(a0), "r"(a1), "r"(a1), "r"(b0), "r"(b1), "r"(c))

enum Kind { kFp16, kFp16F16, kBf16, kTf32, kInt8, kE4m3, kE5m2, kE4m3F16, kE5m2F16, kE4m3Wgmma, kE5m2Wgmma };

template <Kind kind>
__global__ void mma_rows(const Row* rows, uint32_t* results) {
  const Row& row = rows[blockIdx.x];
  const int t = threadIdx.x % 4;
  // 16-bit: k = 2t, 2t+1 and 8 further; 8-bit: k = 4t..4t+3 and 16 further; TF32: k = t and 4 further.
  const uint32_t a0 = row.a[t], a1 = row.a[t + 4], b0 = row.b[t], b1 = row.b[t + 4];
  if constexpr (kind == kInt8) {
    int d[4];
    const int c = static_cast<int>(row.c);
    MMA("m16n8k32", "s32.s8.s8.s32", "r");
    if (threadIdx.x == 0) results[blockIdx.x] = static_cast<uint32_t>(d[0]);
  } else if constexpr (kind == kFp16F16 || kind == kE4m3F16 || kind == kE5m2F16) {
    uint32_t d[2];
    const uint32_t c = row.c | row.c << 16;
    if constexpr (kind == kFp16F16) MMA_F16("m16n8k16", "f16.f16.f16.f16");
    if constexpr (kind == kE4m3F16) MMA_F16("m16n8k32", "f16.e4m3.e4m3.f16");
    if constexpr (kind == kE5m2F16) MMA_F16("m16n8k32", "f16.e5m2.e5m2.f16");
    if (threadIdx.x == 0) results[blockIdx.x] = d[0] & 0xFFFF;
  } else {
    float d[4];
    const float c = __uint_as_float(row.c);
    if constexpr (kind == kFp16) MMA("m16n8k16", "f32.f16.f16.f32", "f");
    if constexpr (kind == kBf16) MMA("m16n8k16", "f32.bf16.bf16.f32", "f");
    if constexpr (kind == kTf32) MMA("m16n8k8", "f32.tf32.tf32.f32", "f");
    if constexpr (kind == kE4m3) MMA("m16n8k32", "f32.e4m3.e4m3.f32", "f");
    if constexpr (kind == kE5m2) MMA("m16n8k32", "f32.e5m2.e5m2.f32", "f");
    if (threadIdx.x == 0) results[blockIdx.x] = __float_as_uint(d[0]);
  }
}

#if !defined(__CUDA_ARCH__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
// B in shared memory as two core matrices of 8 columns x 16 bytes, k 0..15 and k 16..31, 128 bytes apart.
template <Kind kind>
__global__ void wgmma_rows(const Row* rows, uint32_t* results) {
  __shared__ alignas(128) uint32_t b[64];
  const Row& row = rows[blockIdx.x];
  if (threadIdx.x < 64) {
    b[threadIdx.x] = row.b[threadIdx.x / 32 * 4 + threadIdx.x % 4];
  }
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  __syncthreads();
  const int t = threadIdx.x % 4;
  const uint32_t a0 = row.a[t], a1 = row.a[t + 4];
  const uint64_t address = static_cast<uint64_t>(__cvta_generic_to_shared(b)) & 0x3FFFF;
  const uint64_t descriptor = address >> 4 | uint64_t{128 >> 4} << 16 | uint64_t{128 >> 4} << 32;  // no swizzle
  float d[4];
  for (float& x : d) x = __uint_as_float(row.c);
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#define WGMMA(types)                                                                                                \
  asm volatile("wgmma.mma_async.sync.aligned.m64n8k32." types " {%0,%1,%2,%3}, {%4,%4,%5,%5}, %6, 1, 1, 1;"          \
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                                                      \
               : "r"(a0), "r"(a1), "l"(descriptor)                                                                   \
               : "memory")
  if constexpr (kind == kE4m3Wgmma) WGMMA("f32.e4m3.e4m3");
  if constexpr (kind == kE5m2Wgmma) WGMMA("f32.e5m2.e5m2");
  asm volatile("wgmma.commit_group.sync.aligned;\n wgmma.wait_group.sync.aligned 0;" ::: "memory");
  if (threadIdx.x == 0) results[blockIdx.x] = __float_as_uint(d[0]);
}
#else
template <Kind kind>
__global__ void wgmma_rows(const Row*, uint32_t*) {}
#endif

struct Type {
  const char* name;
  int digits, elements, result_digits;  // hex digits of an element, elements of one instruction
  int threads;
  void (*kernel)(const Row*, uint32_t*);
};
const Type kTypes[] = {{"fp16", 4, 16, 8, 32, mma_rows<kFp16>},
                       {"fp16_f16", 4, 16, 4, 32, mma_rows<kFp16F16>},
                       {"bf16", 4, 16, 8, 32, mma_rows<kBf16>},
                       {"tf32", 5, 8, 8, 32, mma_rows<kTf32>},
                       {"int8", 2, 32, 8, 32, mma_rows<kInt8>},
                       {"e4m3_mma_sync_f32", 2, 32, 8, 32, mma_rows<kE4m3>},
                       {"e5m2_mma_sync_f32", 2, 32, 8, 32, mma_rows<kE5m2>},
                       {"e4m3_mma_sync", 2, 32, 4, 32, mma_rows<kE4m3F16>},
                       {"e5m2_mma_sync", 2, 32, 4, 32, mma_rows<kE5m2F16>},
                       {"e4m3", 2, 32, 8, 128, wgmma_rows<kE4m3Wgmma>},
                       {"e5m2", 2, 32, 8, 128, wgmma_rows<kE5m2Wgmma>}};

[[noreturn]] void fail(const std::string& message) {
  std::cerr << "silicon_rows: error: " << message << "\n";
  std::exit(2);
}

void check(cudaError_t status) {
  if (status != cudaSuccess) fail(cudaGetErrorString(status));
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  for (size_t start = 0; start <= line.size();) {
    const size_t comma = std::min(line.find(',', start), line.size());
    cells.push_back(line.substr(start, comma - start));
    start = comma + 1;
  }
  return cells;
}

// Elements of `digits` hex digits, packed from the low bits up; TF32 goes to the upper 19 bits of its word.
void pack(const std::string& cell, const Type& type, uint32_t* words) {
  if (cell.size() % type.digits != 0 || cell.size() / type.digits > static_cast<size_t>(type.elements)) {
    fail("'" + cell + "' does not hold at most " + std::to_string(type.elements) + " elements of " + type.name);
  }
  const int bits = type.digits == 5 ? 32 : 4 * type.digits;
  std::memset(words, 0, kWords * sizeof(uint32_t));
  for (size_t i = 0; i * type.digits < cell.size(); ++i) {
    const auto code = static_cast<uint32_t>(std::stoul(cell.substr(i * type.digits, type.digits), nullptr, 16));
    words[i * bits / 32] |= (type.digits == 5 ? code << 13 : code) << (i * bits % 32);
  }
}

void run(const Type& type, const std::vector<std::string>& lines, const std::vector<Row>& rows) {
  Row* device_rows = nullptr;
  uint32_t* device_results = nullptr;
  check(cudaMalloc(&device_rows, rows.size() * sizeof(Row)));
  check(cudaMalloc(&device_results, rows.size() * sizeof(uint32_t)));
  check(cudaMemcpy(device_rows, rows.data(), rows.size() * sizeof(Row), cudaMemcpyHostToDevice));
  type.kernel<<<static_cast<unsigned>(rows.size()), type.threads>>>(device_rows, device_results);
  check(cudaGetLastError());
  std::vector<uint32_t> results(rows.size());
  check(cudaMemcpy(results.data(), device_results, rows.size() * sizeof(uint32_t), cudaMemcpyDeviceToHost));
  for (size_t i = 0; i < rows.size(); ++i) {
    std::printf("%s,%0*x\n", lines[i].c_str(), type.result_digits, results[i]);
  }
  check(cudaFree(device_rows));
  check(cudaFree(device_results));
}

int main(int argc, char** argv) {
  const Type* type = nullptr;
  std::string known;
  for (const Type& t : kTypes) {
    type = argc == 2 && std::strcmp(argv[1], t.name) == 0 ? &t : type;
    known += std::string(" ") + t.name;
  }
  if (type == nullptr) fail("usage: silicon_rows TYPE < rows.csv; TYPE is one of" + known);
  std::string line;
  if (!std::getline(std::cin, line)) fail("no header line");
  std::printf("%s,d_gpu\n", line.c_str());
  int column[3] = {-1, -1, -1};
  const auto names = cells_of(line);
  for (size_t i = names.size(); i-- > 0;) {
    for (int x = 0; x < 3; ++x) {
      const std::string name(1, static_cast<char>('a' + x));
      column[x] = names[i] == name || names[i].rfind(name + "_", 0) == 0 ? static_cast<int>(i) : column[x];
    }
  }
  if (column[0] < 0 || column[1] < 0 || column[2] < 0) fail("the header must name columns a, b and c");
  std::vector<std::string> lines;
  std::vector<Row> rows;
  while (std::getline(std::cin, line)) {
    const auto cells = cells_of(line);
    if (cells.size() != names.size()) fail("a row without all columns: " + line);
    Row row;
    pack(cells[column[0]], *type, row.a);
    pack(cells[column[1]], *type, row.b);
    row.c = static_cast<uint32_t>(std::stoul(cells[column[2]], nullptr, 16));
    lines.push_back(line);
    rows.push_back(row);
    if (rows.size() == 1u << 20) {
      run(*type, lines, rows);
      lines.clear();
      rows.clear();
    }
  }
  if (!rows.empty()) run(*type, lines, rows);
}
