// SPDX-License-Identifier: Apache-2.0
#include "study/validate_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace mantissa::study {
namespace {

using Row = MeasuredTable::Row;
constexpr std::int64_t kMaxChips = 4096, kMaxBatch = 1 << 20, kMaxTokens = 1 << 20;

// The number that ends where `word` begins, or 0: ("64 chips; ...", " chips")
// -> 64.
std::int64_t number_before(const std::string& text, std::string_view word, std::int64_t limit) {
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    std::size_t begin = at;
    while (begin > 0 && at - begin < 10 && std::isdigit(static_cast<unsigned char>(text[begin - 1])) != 0) {
      --begin;
    }
    std::int64_t value = 0;
    if (begin < at && std::from_chars(text.data() + begin, text.data() + at, value).ec == std::errc{} && value >= 1 &&
        value <= limit) {
      return value;
    }
  }
  return 0;
}

// The number that follows `word`, or 0: ("context 2048, ...", "context ") ->
// 2048.
std::int64_t number_after(const std::string& text, std::string_view word, std::int64_t limit) {
  const std::size_t at = text.find(word);
  std::int64_t value = 0;
  if (at == std::string::npos) {
    return 0;
  }
  const auto result = std::from_chars(text.data() + at + word.size(), text.data() + text.size(), value);
  return result.ec == std::errc{} && value >= 1 && value <= limit ? value : 0;
}

// INT8 weights with BF16 products are a precision of their own.
std::string precision_of(const std::string& text) {
  return holds(text, "int8") ? "int8_weights" : "bf16";
}

StepRequest inference(const Facts& facts, std::int64_t batch, std::int64_t tokens, std::int64_t context) {
  StepRequest request;
  request.precision = precision_of(facts.precision);
  request.batch = batch;
  request.tokens = tokens;
  request.context = context;  // 0: a prompt, which reads no cache
  return request;
}

// Up to the first of these words, without spaces at the end: "PaLM 62B decode
// 64 tok" -> "PaLM 62B".
std::string name_before(const std::string& text, std::initializer_list<const char*> words) {
  std::size_t end = text.size();
  for (const char* word : words) {
    end = std::min(end, text.find(word));
  }
  while (end > 0 && (text[end - 1] == ' ' || text[end - 1] == ',')) {
    --end;
  }
  return text.substr(0, end);
}

}  // namespace

bool holds(const std::string& text, std::string_view word) {
  return text.find(word) != std::string::npos;
}

Facts facts_of(const MeasuredTable& table, const Row& row) {
  Facts f{table.text(row, "workload"),
          table.text(row, "notes"),
          table.text(row, "metric"),
          table.text(row, "unit"),
          table.text(row, "precision"),
          0,
          0};
  f.chips = number_before(f.notes, " chips", kMaxChips);
  f.batch = number_after(table.text(row, "batch"), "", kMaxBatch);
  if (const auto labelled = number_after(f.notes, "label C", kMaxChips);
      labelled > 0) {  // of a chart: "label C64,B128"
    f.chips = labelled;
    f.batch = number_after(f.notes, ",B", kMaxBatch);
  }
  return f;
}

// Rows of inference with a text model: a prompt, tokens after a context, or
// both.
std::optional<Plan> inference_plan(const Facts& f) {
  Plan plan;
  plan.chips = f.chips;
  const std::int64_t prompt =
      std::max(number_after(f.text, " prefill ", kMaxTokens),
               std::max(number_before(f.text, " in /", kMaxTokens), number_after(f.text, ", input ", kMaxTokens)));
  const std::int64_t context =
      std::max({number_after(f.text, "ctx ", kMaxTokens), number_after(f.text, "context ", kMaxTokens),
                number_after(f.text, "max seq ", kMaxTokens)});
  std::int64_t generated =
      std::max(number_before(f.text, " out", kMaxTokens), number_before(f.text, " decoded", kMaxTokens));
  const bool decode = holds(f.text, " decode");
  if (prompt == 0 && !decode) {
    return std::nullopt;
  }
  plan.name = name_before(f.text, {" decode", " prefill", " serve", ","});
  if (prompt > 0 && number_before(f.text, " in /", kMaxTokens) > 0) {
    plan.name = name_before(f.text, {fmt::format(" {} in", prompt).c_str()});
  }
  if (holds(f.notes, "SUSPECT")) {
    plan.reason = "suspect: " + f.notes;
  } else if (f.chips == 0) {
    plan.reason = "the number of chips is not known";
  } else if (f.batch == 0) {
    plan.reason = "the batch is not known";
  } else if (decode && prompt == 0) {
    const std::int64_t tokens = number_after(f.text, " decode ", kMaxTokens);
    generated = tokens > 0 ? tokens : 1;
    constexpr std::int64_t kTableContext = 2048;  // of Pope et al., tables 2 and 3, before the tokens
    const std::int64_t positions = context > 0 ? context : kTableContext + generated / 2;
    plan.passes = {{inference(f, f.batch, 1, positions), generated}};
  } else {
    plan.passes = {{inference(f, f.batch, prompt, 0), 1}};
    if (generated > 0) {
      plan.passes.push_back({inference(f, f.batch, 1, prompt + generated / 2), generated});
    }
  }
  return plan;
}

// Rows of training: "MLPerf train resnet steady throughput", "MaxText 22B
// training".
std::optional<Plan> training_plan(const Facts& f) {
  Plan plan;
  plan.chips = f.chips;
  const bool mlperf = f.text.starts_with("MLPerf train ");
  if (!mlperf && !holds(f.text, " training")) {
    return std::nullopt;
  }
  StepRequest request;
  request.precision = "bf16";
  if (mlperf) {
    const std::string benchmark = name_before(f.text.substr(std::string_view("MLPerf train ").size()), {" "});
    plan.name = benchmark == "resnet" ? "resnet50" : benchmark == "bert" ? "bert_large" : benchmark;
    request.training.emplace();
    if (benchmark == "resnet") {
      request.training->optimizer = config::Training::Optimizer::kSgdMomentum;
    } else if (benchmark == "bert") {
      request.tokens = 512;
    }
    request.batch = f.batch;
    request.parallel.data = static_cast<int>(std::max<std::int64_t>(1, f.chips));
    plan.divided = true;
  } else {
    plan.name = name_before(f.text, {" training"});
    // Weights are divided over the chips of a slice; slices have copies: "512 chips (8x v4-128)".
    const std::int64_t slices = std::max<std::int64_t>(1, number_after(f.notes, " chips (", kMaxChips));
    if (f.chips % slices == 0) {
      request.parallel.data = static_cast<int>(slices);
      request.parallel.fsdp = static_cast<int>(f.chips / slices);
      plan.divided = f.chips > 0;
    }
  }
  if (!holds(f.metric, "throughput_per_chip") && !holds(f.metric, "MFU") && !holds(f.metric, "achieved_TFLOPS")) {
    plan.reason = holds(f.metric, "tokens_per_s") ? "a bound, or of a network whose shapes are not known"
                                                  : "a time that depends on the number of steps";
  } else if (holds(f.notes, "OPEN division") || holds(f.text, "Shampoo") || holds(f.notes, "Shampoo")) {
    plan.reason = "a network or an optimizer of its own";
  } else if (holds(f.notes, "packing")) {
    plan.reason = "texts of different lengths are probably packed into one";
  } else if (f.chips == 0) {
    plan.reason = "the number of chips is not known";
  } else if (mlperf && f.batch == 0) {
    plan.reason = "the batch is not known";
  }
  plan.passes = {{request, 1}};
  return plan;
}

}  // namespace mantissa::study
