// SPDX-License-Identifier: Apache-2.0
// Rows of single kernels: those of one TPU v4 chip under JAX (Dang et al.), and matrix products of libraries.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <string_view>

#include "study/kernel_run.h"
#include "study/validate.h"

namespace mantissa::study {
namespace {

using Row = MeasuredTable::Row;
constexpr std::int64_t kMaxDimension = 1 << 20;

double microseconds(const KernelRun& run) {
  return run.latency.count() * 1e6;
}

// The kernels of the table have FP16 operands: a chip whose compiler converts them has a precision that says how.
std::string precision_of_fp16(const config::Chip& chip) {
  for (const char* name : {"fp16_input", "fp16"}) {
    if (chip.find_precision(name) != nullptr) {
      return name;
    }
  }
  return chip.default_precision;
}

struct NamedOp {
  std::string_view name;
  network::Op op;
};
// Layers of Keras and operators of JAX. A "linear" activation is a copy with arithmetic, "binary" a threshold,
// "parametric" and "leaky" have one slope.
constexpr std::array kActivations = {NamedOp{"relu", network::Op::kRelu},
                                     NamedOp{"selu", network::Op::kSelu},
                                     NamedOp{"elu", network::Op::kElu},
                                     NamedOp{"leaky", network::Op::kLeakyRelu},
                                     NamedOp{"parametric", network::Op::kLeakyRelu},
                                     NamedOp{"sigmoid", network::Op::kSigmoid},
                                     NamedOp{"tanh", network::Op::kTanh},
                                     NamedOp{"linear", network::Op::kNeg},
                                     NamedOp{"binary", network::Op::kSign},
                                     NamedOp{"add", network::Op::kAdd},
                                     NamedOp{"multiply", network::Op::kMul}};

// The source's standard deviation over its value, where the note has one: "... sd 0.0786".
std::optional<double> scatter_of(const std::string& note, double value) {
  const std::size_t at = note.rfind(" sd ");
  double sd = 0;
  if (at == std::string::npos ||
      std::from_chars(note.data() + at + 4, note.data() + note.size(), sd).ec != std::errc{} || !(value > 0)) {
    return std::nullopt;
  }
  return sd / value;
}

report::ValidationRow row_of(const MeasuredTable& table, const Row& row) {
  report::ValidationRow r;
  r.id = table.text(row, "id");
  r.what = table.text(row, "workload");
  r.unit = table.text(row, "unit");
  r.note = table.text(row, "notes");
  r.source = "Dang et al., arXiv 2603.22535";
  r.measured = table.number(row, "value");
  r.scatter = scatter_of(r.note, r.measured);
  if (r.id.empty() || r.unit.empty()) {
    throw table.error(table.field(row, r.id.empty() ? "id" : "unit"), "this field is empty; every row needs one");
  }
  return r;
}

void add_kernel(ValidationInput& input, report::ValidationRow row, LoneKernel kernel) {
  const config::Chip& chip = input.chip;
  input.add(std::move(row), [&chip, kernel = std::move(kernel)] {
    return microseconds(run_kernel(chip, precision_of_fp16(chip), kernel));
  });
}

// Size classes of the source's three sets: 32..128, 128..1024, 1024..4096 in every dimension.
void set_gemm_group(report::ValidationRow& row, std::int64_t smallest) {
  const int size = smallest < 128 ? 0 : smallest < 1024 ? 1 : 2;
  constexpr std::array kNames = {"GEMM below 128", "GEMM 128 to 1023", "GEMM 1024 and above"};
  row.group = kNames[static_cast<std::size_t>(size)];
  row.group_order = kGemmOrder + size;
}

// The time excludes the copy of one operand from HBM to CMEM; where the other one and the result are is not documented.
// The smallest products leave no time for the latency of HBM before their first tile: both operands are taken to be on
// chip, and the result to go to HBM.
LoneKernel xla_gemm(std::int64_t m, std::int64_t n, std::int64_t k) {
  LoneKernel kernel = gemm(m, n, k);
  kernel.place.reads_on_chip = {true, true};
  kernel.place.writes_on_chip = {false};
  return kernel;
}

void interpret_kernel(const MeasuredTable& table, const Row& row, ValidationInput& input) {
  report::ValidationRow r = row_of(table, row);
  const std::string& metric = table.text(row, "metric");
  const std::string workload = r.what;
  r.group = "other kernels", r.group_order = kOtherOrder;
  if (r.unit != "us") {
    throw table.error(table.field(row, "unit"), fmt::format("unit '{}'; times of kernels are in us", r.unit));
  }
  if (metric == "fusion_latency") {
    const std::int64_t m = table.integer(row, "m", 1, kMaxDimension), n = table.integer(row, "n", 1, kMaxDimension),
                       k = table.integer(row, "k", 1, kMaxDimension);
    r.what = fmt::format("GEMM {}x{}x{}", m, n, k);
    set_gemm_group(r, std::min({m, n, k}));
    add_kernel(input, std::move(r), xla_gemm(m, n, k));
  } else if (metric == "copy_latency") {
    const network::Shape shape = table.shape(row, "workload", "[]");
    r.what = fmt::format("HBM to CMEM {}", network::to_string(shape));
    r.group = "copy HBM to CMEM", r.group_order = kCopyOrder;
    add_kernel(input, std::move(r), copy(shape, true));
  } else if (workload.starts_with("layer_norm ")) {
    r.group = "layer norm", r.group_order = kNormOrder;
    add_kernel(input, std::move(r), reduction(network::Op::kLayerNormalization, table.shape(row, "workload", "()")));
  } else if (const bool activation = workload.starts_with("activation ");
             activation || workload.starts_with("elementwise ")) {
    r.group = activation ? "activation" : "element-wise", r.group_order = kElementwiseOrder + (activation ? 1 : 0);
    const std::size_t begin = workload.find(' ') + 1;
    const std::string name = workload.substr(begin, workload.find(' ', begin) - begin);
    const auto* at =
        std::find_if(kActivations.begin(), kActivations.end(), [&](const auto& a) { return a.name == name; });
    if (at == kActivations.end()) {
      input.add_not_modelled(std::move(r), fmt::format("the operator '{}' is not known", name));
      return;
    }
    add_kernel(input, std::move(r), elementwise(at->op, table.shape(row, "workload", "()")));
  } else {
    input.add_not_modelled(std::move(r), fmt::format("no kernel is known for this workload and metric '{}'", metric));
  }
}

// What the library's dtype is called in chip files.
struct Dtype {
  std::string_view name, precision, reason;
};
constexpr std::array kDtypes = {
    Dtype{"bfloat16", "bf16", ""}, Dtype{"float16", "fp16", ""},
    Dtype{"fp8", "", "includes the quantization of the activations, a kernel of its own that is not modelled yet"},
    Dtype{"fp8_block", "",
          "includes the quantization of the activations, a kernel of its own that is not modelled yet"}};

void set_library_group(report::ValidationRow& row, const std::string& dtype, double macs) {
  constexpr std::array kEnds = {1e7, 1e9, 1e11};
  constexpr std::array kNames = {"below 1e7 MACs", "1e7 to 1e9 MACs", "1e9 to 1e11 MACs", "1e11 MACs and above"};
  const auto size = std::upper_bound(kEnds.begin(), kEnds.end(), macs) - kEnds.begin();
  row.group = fmt::format("GEMM {} {}", dtype, kNames[static_cast<std::size_t>(size)]);
  row.group_order = kGemmOrder + static_cast<int>(size);
}

}  // namespace

void interpret_tpu_kernels(const MeasuredTable& table, ValidationInput& input) {
  for (const Row& row : table.rows()) {
    if (input.is_of("TPU v4")) {  // the table has no column for the chip
      interpret_kernel(table, row, input);
    }
  }
}

void interpret_gemm(const MeasuredTable& table, ValidationInput& input) {
  const config::Chip& chip = input.chip;
  for (const Row& row : table.rows()) {
    if (!input.is_of(table.text(row, "chip"))) {
      continue;
    }
    const std::string& dtype = table.text(row, "dtype");
    const std::int64_t m = table.integer(row, "m", 1, kMaxDimension), n = table.integer(row, "n", 1, kMaxDimension),
                       k = table.integer(row, "k", 1, kMaxDimension);
    report::ValidationRow r;
    r.id = fmt::format("{}_{}x{}x{}", dtype, m, n, k);
    r.what = fmt::format("GEMM {} {}x{}x{}", dtype, m, n, k);
    r.unit = "us";
    r.measured = table.number(row, "latency_us");
    r.source = std::filesystem::path(table.path()).filename().string();
    set_library_group(r, dtype, static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k));
    const auto* at = std::find_if(kDtypes.begin(), kDtypes.end(), [&](const Dtype& d) { return d.name == dtype; });
    if (at == kDtypes.end() || !at->reason.empty()) {
      const std::string reason =
          at == kDtypes.end() ? fmt::format("the dtype '{}' is not known", dtype) : std::string(at->reason);
      input.add_not_modelled(std::move(r), reason);
      continue;
    }
    const std::string precision(at->precision);
    input.add(std::move(r),
              [&chip, precision, m, n, k] { return microseconds(run_kernel(chip, precision, gemm(m, n, k))); });
  }
}

// Matrix products of a vendor's documentation: "GEMM XLA jnp.matmul". Pallas kernels have tiles of their own.
bool interpret_library_product(const MeasuredTable& table, const Row& row, ValidationInput& input) {
  const std::string& workload = table.text(row, "workload");
  if (!workload.starts_with("GEMM ") || table.text(row, "metric") != "latency" || table.text(row, "unit") != "us") {
    return false;
  }
  report::ValidationRow r = models_row(table, row);
  r.group = "GEMM, library", r.group_order = kGemmOrder + 9;
  const config::Chip& chip = input.chip;
  const std::string precision = table.text(row, "precision");
  if (!workload.starts_with("GEMM XLA")) {
    input.add_not_modelled(std::move(r), "a kernel with tiles of its own, not those that the compiler chooses");
  } else if (chip.find_precision(precision) == nullptr) {
    input.add_not_modelled(std::move(r), fmt::format("the chip has no precision '{}'", precision));
  } else {
    const std::int64_t m = table.integer(row, "M", 1, kMaxDimension), n = table.integer(row, "N", 1, kMaxDimension),
                       k = table.integer(row, "K", 1, kMaxDimension);
    r.what = fmt::format("{} {}x{}x{}", workload, m, n, k);
    input.add(std::move(r),
              [&chip, precision, m, n, k] { return microseconds(run_kernel(chip, precision, gemm(m, n, k))); });
  }
  return true;
}

}  // namespace mantissa::study
