// SPDX-License-Identifier: Apache-2.0
#include "report/json_parts.h"

#include <cmath>

namespace mantissa::report {

Json finite(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

namespace {

Json perplexity_json(const AccuracyResult& a) {
  return Json{{"metric", "perplexity"},
              {"sequences_count", a.sequences},
              {"tokens_count", a.tokens},
              {"perplexity_reference", finite(a.perplexity_reference)},
              {"perplexity", finite(a.perplexity)},
              {"difference_nats", finite(a.nats_difference)},
              {"difference_low_nats", finite(a.nats_low)},
              {"difference_high_nats", finite(a.nats_high)},
              {"top1_reference_ratio", a.top1_reference},
              {"top1_ratio", a.top1}};
}

}  // namespace

Json accuracy_json(const AccuracyResult& a) {
  if (a.metric == AccuracyResult::Metric::kPerplexity) {
    return perplexity_json(a);
  }
  return Json{{"images_count", a.images},
              {"top1_reference_ratio", a.top1_reference},
              {"top1_ratio", a.top1},
              {"difference_ratio", a.difference},
              {"difference_low_ratio", a.difference_low},
              {"difference_high_ratio", a.difference_high},
              {"mcnemar_p_ratio", a.mcnemar_p}};
}

}  // namespace mantissa::report
