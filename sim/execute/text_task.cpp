// SPDX-License-Identifier: Apache-2.0
// Language modelling: how probable the network finds the token that comes next, at each position of each text.
//
// MODEL: a row of T + 1 tokens is one text: the network reads the first T and is judged on the last T, each predicted
// from those before it in the row (at most T of them). Rows do not see each other.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/error.h"
#include "execute/task.h"
#include "execute/token_rows.h"

namespace mantissa::execute {

using network::ElementType;
using network::Graph;
using network::Shape;
using network::Tensor;
using network::Value;

namespace {

constexpr std::int64_t kBatch = 4;  // texts at a time: some thousand rows for the matrix kernels
constexpr std::int64_t kCompared = 16;

// Logits of one position. The probabilities are a softmax in double.
Outcome judge_token(std::span<const float> logits, std::int64_t token) {
  double largest = -std::numeric_limits<double>::infinity();
  for (const float x : logits) {
    if (std::isnan(x) || x == std::numeric_limits<float>::infinity()) {
      return {0, std::numeric_limits<double>::infinity()};
    }
    largest = std::max(largest, static_cast<double>(x));
  }
  if (std::isinf(largest)) {  // all are -infinity
    return {0, std::numeric_limits<double>::infinity()};
  }
  double sum = 0;
  for (const float x : logits) {
    sum += std::exp(static_cast<double>(x) - largest);
  }
  const auto first_largest = std::max_element(logits.begin(), logits.end()) - logits.begin();
  const double logit = static_cast<double>(logits[static_cast<std::size_t>(token)]);
  return {first_largest == token ? 1 : 0, std::log(sum) - (logit - largest)};
}

TokenRows measured_rows(const config::Dataset& dataset, std::int64_t sequences) {
  if (dataset.part == config::Dataset::Part::kTest) {
    return load_token_rows(dataset.file, sequences);
  }
  const std::int64_t skipped = dataset.calibration_sequences;
  TokenRows rows = load_token_rows(dataset.calibration_file, skipped + sequences);
  rows.ids.erase(rows.ids.begin(), rows.ids.begin() + skipped * rows.length);
  rows.count = sequences;
  return rows;
}

class TextTask final : public Task {
 public:
  TextTask(const config::Dataset& dataset, const std::string& workload_path, std::int64_t sequences)
      : dataset_(dataset), file_(workload_path), rows_(measured_rows(dataset, sequences)) {}

  std::int64_t samples() const override { return rows_.count; }
  std::int64_t batch() const override { return kBatch; }
  std::int64_t compared_samples() const override { return std::min(kCompared, rows_.count); }

  void require_fits(const Graph& graph) override {
    const bool one_each = graph.inputs.size() == 1 && graph.outputs.size() == 1 &&
                          (graph.value(graph.inputs[0]).type == ElementType::kInt64 ||
                           graph.value(graph.inputs[0]).type == ElementType::kInt32) &&
                          graph.value(graph.outputs[0]).type == ElementType::kFloat;
    if (!one_each) {
      throw ConfigError(
          {file_},
          "perplexity needs a network with one int64 or int32 input (token ids) and one float output (logits)");
    }
    const Shape& input = graph.value(graph.inputs[0]).shape;
    const Shape& output = graph.value(graph.outputs[0]).shape;
    if (input.size() != 2 || input[0] < 1 || output.size() != 3 || output[0] != input[0] || output[1] != input[1] ||
        output[2] < 1) {
      throw ConfigError({file_}, fmt::format("the network takes {} and gives {}; perplexity needs texts x tokens in, "
                                             "texts x tokens x logits out",
                                             network::to_string(input), network::to_string(output)));
    }
    require_rows(rows_, dataset_.file, input[1], output[2]);
    vocabulary_ = output[2];
  }

  Tensor input(std::int64_t first, const Value& graph_input) const override {
    return batch_of(rows_, first, graph_input);
  }

  std::vector<Tensor> calibration_inputs(const Value& graph_input) const override {
    const TokenRows rows = load_token_rows(dataset_.calibration_file, dataset_.calibration_sequences);
    require_rows(rows, dataset_.calibration_file, graph_input.shape[1], vocabulary_);
    require_unseen(rows);
    std::vector<Tensor> inputs;
    const std::int64_t batch = graph_input.shape[0];
    for (std::int64_t first = 0; first < rows.count; first += batch) {
      inputs.push_back(batch_of(rows, first, graph_input));
    }
    return inputs;
  }

  Outcome judge(std::int64_t sample, std::span<const float> output) const override {
    const auto row = rows_.row(sample);
    const std::size_t logits = output.size() / (row.size() - 1);
    Outcome total;
    for (std::size_t i = 1; i < row.size(); ++i) {
      const Outcome one = judge_token(output.subspan((i - 1) * logits, logits), row[i]);
      total.right += one.right;
      total.loss += one.loss;
    }
    return total;
  }

  void check_reference(std::span<const Outcome> reference) const override {
    for (std::size_t i = 0; i < reference.size(); ++i) {
      if (!std::isfinite(reference[i].loss)) {
        throw ConfigError({file_}, fmt::format("the FP32 network gives row {} of {} probability 0 or logits that are "
                                               "not finite; there is no perplexity to compare with",
                                               i + 1, dataset_.file));
      }
    }
  }

  void summarize(std::span<const Outcome> reference, std::span<const Outcome> quantized,
                 Accuracy& accuracy) const override {
    accuracy.metric = Metric::kPerplexity;
    accuracy.sequences = rows_.count;
    accuracy.tokens = rows_.count * (rows_.length - 1);
    std::int64_t right = 0, reference_right = 0;
    std::vector<double> losses, reference_losses;
    const auto length = static_cast<double>(rows_.length - 1);
    for (std::size_t i = 0; i < quantized.size(); ++i) {
      right += quantized[i].right;
      reference_right += reference[i].right;
      losses.push_back(quantized[i].loss / length);
      reference_losses.push_back(reference[i].loss / length);
    }
    accuracy.top1_reference = static_cast<double>(reference_right) / static_cast<double>(accuracy.tokens);
    accuracy.top1 = static_cast<double>(right) / static_cast<double>(accuracy.tokens);
    finish_perplexity_statistics(reference_losses, losses, accuracy);
  }

 private:
  void require_rows(const TokenRows& rows, const std::string& path, std::int64_t length, std::int64_t logits) const {
    if (rows.length != length + 1) {
      throw ConfigError({path}, fmt::format("its rows have {} tokens; the network reads {} and predicts each next one, "
                                            "so rows need {}",
                                            rows.length, length, length + 1));
    }
    for (std::size_t i = 0; i < rows.ids.size(); ++i) {
      if (rows.ids[i] >= logits) {
        const auto at = static_cast<std::int64_t>(i);
        throw ConfigError({path}, fmt::format("row {}, token {} is {}; the network knows ids 0 to {}",
                                              at / rows.length + 1, at % rows.length + 1, rows.ids[i], logits - 1));
      }
    }
  }

  void require_unseen(const TokenRows& calibration) const {
    std::map<std::vector<std::int64_t>, std::int64_t> measured;
    for (std::int64_t i = 0; i < rows_.count; ++i) {
      measured.emplace(std::vector(rows_.row(i).begin(), rows_.row(i).end()), i);
    }
    for (std::int64_t i = 0; i < calibration.count; ++i) {
      const auto found = measured.find(std::vector(calibration.row(i).begin(), calibration.row(i).end()));
      if (found != measured.end()) {
        throw ConfigError({dataset_.calibration_file},
                          fmt::format("row {} is also row {} of {}; calibration must not see the texts that are "
                                      "measured",
                                      i + 1, found->second + 1, dataset_.file));
      }
    }
  }

  // Padding repeats the first texts, so that it has nothing a text could not have.
  static Tensor batch_of(const TokenRows& rows, std::int64_t first, const Value& graph_input) {
    check(graph_input.shape.size() == 2 && graph_input.shape[1] == rows.length - 1, "the shape fits the rows");
    Tensor batch = Tensor::zeros(graph_input.type, graph_input.shape);
    auto to = batch.ints().begin();
    for (std::int64_t i = first; i < first + graph_input.shape[0]; ++i) {
      const auto row = rows.row(i % rows.count);
      to = std::copy(row.begin(), row.end() - 1, to);
    }
    return batch;
  }

  config::Dataset dataset_;
  std::string file_;  // the workload's, for messages
  TokenRows rows_;
  std::int64_t vocabulary_ = 0;  // ids that the network knows
};

}  // namespace

std::unique_ptr<Task> make_text_task(const config::Dataset& dataset, const std::string& workload_path,
                                     std::int64_t sequences) {
  return std::make_unique<TextTask>(dataset, workload_path, sequences);
}

}  // namespace mantissa::execute
