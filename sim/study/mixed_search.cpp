// SPDX-License-Identifier: Apache-2.0
#include "study/mixed_search.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "base/error.h"

namespace mantissa::study {
namespace {

constexpr double kNoiseTolerance = 1.2;      // the model's sum of noise may be off
constexpr std::size_t kMostExchanges = 12;   // measured before the search gives up
constexpr std::size_t kMostExhaustive = 16;  // so few assignments are all tried

// A layer's choice that takes noise away, and what that costs.
struct Step {
  std::size_t layer = 0, format = 0;
  double gain = 0;  // noise taken away for each unit of cost
};

// The cheapest choice, of equals the one with less noise.
std::size_t cheapest(const std::vector<double>& cost, const std::vector<double>& noise) {
  std::size_t best = 0;
  for (std::size_t f = 1; f < cost.size(); ++f) {
    const bool better = cost[f] < cost[best] || (cost[f] == cost[best] && noise[f] < noise[best]);
    best = better ? f : best;
  }
  return best;
}

// Upgrades of one layer along the convex hull of its choices: each next one gains less.
std::vector<Step> hull(std::size_t layer, const std::vector<double>& cost, const std::vector<double>& noise) {
  std::vector<Step> steps;
  std::size_t at = cheapest(cost, noise);
  while (true) {
    std::size_t best = at;
    double best_gain = 0;
    for (std::size_t f = 0; f < cost.size(); ++f) {
      if (cost[f] <= cost[at] || noise[f] >= noise[at]) {
        continue;
      }
      const double gain = (noise[at] - noise[f]) / (cost[f] - cost[at]);
      if (best == at || gain > best_gain || (gain == best_gain && noise[f] < noise[best])) {
        best = f;
        best_gain = gain;
      }
    }
    if (best == at) {
      return steps;
    }
    steps.push_back({layer, best, best_gain});
    at = best;
  }
}

double sum_of(const std::vector<std::vector<double>>& table, const Assignment& assignment) {
  double sum = 0;
  for (std::size_t i = 0; i < assignment.size(); ++i) {
    sum += table[i][assignment[i]];
  }
  return sum;
}

// Measures each assignment once.
class Losses {
 public:
  explicit Losses(const std::function<double(const Assignment&)>& measure) : measure_(measure) {}
  double of(const Assignment& assignment) {
    const auto at = known_.find(assignment);
    return at != known_.end() ? at->second : known_.emplace(assignment, measure_(assignment)).first->second;
  }
  std::size_t count() const { return known_.size(); }

 private:
  const std::function<double(const Assignment&)>& measure_;
  std::map<Assignment, double> known_;
};

struct Saving {
  double amount = 0;
  std::size_t layer = 0, format = 0;
};

// Cheaper formats for single layers, the largest saving first.
std::vector<Saving> savings(const MixedProblem& problem, const Assignment& assignment) {
  std::vector<Saving> list;
  for (std::size_t i = 0; i < assignment.size(); ++i) {
    for (std::size_t f = 0; f < problem.cost[i].size(); ++f) {
      const double amount = problem.cost[i][assignment[i]] - problem.cost[i][f];
      if (amount > 0) {
        list.push_back({amount, i, f});
      }
    }
  }
  std::stable_sort(list.begin(), list.end(), [](const Saving& a, const Saving& b) { return a.amount > b.amount; });
  return list;
}

// Each layer, the largest saving first, gets a cheaper format back if that keeps to the bound.
Assignment lowered(const MixedProblem& problem, Assignment best, const std::function<bool(const Assignment&)>& keeps) {
  for (const Saving& saving : savings(problem, best)) {
    Assignment cheaper = best;
    cheaper[saving.layer] = saving.format;
    if (problem.cost[saving.layer][saving.format] < problem.cost[saving.layer][best[saving.layer]] && keeps(cheaper)) {
      best = std::move(cheaper);
    }
  }
  return best;
}

// After one layer was changed: the others get cheaper formats, the largest saving first, as far as the model's noise
// allows.
Assignment model_lowered(const MixedProblem& problem, Assignment assignment, std::size_t fixed, double most_noise) {
  for (const Saving& saving : savings(problem, assignment)) {
    Assignment cheaper = assignment;
    cheaper[saving.layer] = saving.format;
    if (saving.layer != fixed &&
        problem.cost[saving.layer][saving.format] < problem.cost[saving.layer][assignment[saving.layer]] &&
        problem.total_noise(cheaper) <= most_noise) {
      assignment = std::move(cheaper);
    }
  }
  return assignment;
}

// The others get more expensive formats, the most noise for the cost first, until the model's noise is low enough.
Assignment model_raised(const MixedProblem& problem, Assignment assignment, std::size_t fixed, double most_noise) {
  while (problem.total_noise(assignment) > most_noise) {
    Step best;
    for (std::size_t i = 0; i < assignment.size(); ++i) {
      const auto &cost = problem.cost[i], &noise = problem.noise[i];
      for (std::size_t f = 0; f < cost.size() && i != fixed; ++f) {
        const double less = noise[assignment[i]] - noise[f], more = cost[f] - cost[assignment[i]];
        const double gain = less > 0 ? less / std::max(more, 1e-300) : 0;
        best = gain > best.gain ? Step{i, f, gain} : best;
      }
    }
    if (best.gain == 0) {
      break;
    }
    assignment[best.layer] = best.format;
  }
  return assignment;
}

// Cheaper assignments that should not be noisier than this one: one layer has another format, and others make up for
// it. The cheapest first.
std::vector<Assignment> exchanges(const MixedProblem& problem, const Assignment& from) {
  std::vector<std::pair<double, Assignment>> list;
  const double cost = problem.total_cost(from), noise = kNoiseTolerance * problem.total_noise(from);
  for (std::size_t i = 0; i < from.size(); ++i) {
    for (std::size_t f = 0; f < problem.cost[i].size(); ++f) {
      Assignment changed = from;
      changed[i] = f;
      changed = problem.cost[i][f] > problem.cost[i][from[i]] ? model_lowered(problem, changed, i, noise)
                                                              : model_raised(problem, changed, i, noise);
      if (changed != from && problem.total_cost(changed) < cost && problem.total_noise(changed) <= noise) {
        list.emplace_back(problem.total_cost(changed), std::move(changed));
      }
    }
  }
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
  std::vector<Assignment> result;
  for (std::size_t i = 0; i < std::min(list.size(), kMostExchanges); ++i) {
    result.push_back(std::move(list[i].second));
  }
  return result;
}

// All assignments, the cheapest first, of equals the one with less noise; none when there are more than `most`.
std::vector<Assignment> all_assignments(const MixedProblem& problem, std::size_t most) {
  std::vector<Assignment> all = {{}};
  for (const auto& formats : problem.cost) {
    std::vector<Assignment> longer;
    for (const Assignment& head : all) {
      for (std::size_t f = 0; f < formats.size(); ++f) {
        longer.push_back(head);
        longer.back().push_back(f);
      }
    }
    if (longer.size() > most) {
      return {};
    }
    all = std::move(longer);
  }
  std::stable_sort(all.begin(), all.end(), [&](const Assignment& a, const Assignment& b) {
    return std::pair(problem.total_cost(a), problem.total_noise(a)) <
           std::pair(problem.total_cost(b), problem.total_noise(b));
  });
  return all;
}

}  // namespace

double MixedProblem::total_cost(const Assignment& assignment) const {
  return sum_of(cost, assignment);
}
double MixedProblem::total_noise(const Assignment& assignment) const {
  return sum_of(noise, assignment);
}

std::vector<Assignment> upgrade_path(const MixedProblem& problem) {
  check(problem.cost.size() == problem.noise.size(), "each layer has costs and noise");
  Assignment assignment;
  std::vector<Step> steps;
  for (std::size_t i = 0; i < problem.cost.size(); ++i) {
    assignment.push_back(cheapest(problem.cost[i], problem.noise[i]));
    const auto upgrades = hull(i, problem.cost[i], problem.noise[i]);
    steps.insert(steps.end(), upgrades.begin(), upgrades.end());
  }
  // Stable: the steps of one layer gain less and less, so they stay in order.
  std::stable_sort(steps.begin(), steps.end(), [](const Step& a, const Step& b) { return a.gain > b.gain; });
  std::vector<Assignment> path = {assignment};
  for (const Step& step : steps) {
    assignment[step.layer] = step.format;
    path.push_back(assignment);
  }
  return path;
}

MixedAnswer search_mixed(const MixedProblem& problem, double max_loss,
                         const std::function<double(const Assignment&)>& measure_loss) {
  const std::vector<Assignment> path = upgrade_path(problem);
  Losses losses(measure_loss);
  const auto keeps = [&](const Assignment& assignment) { return losses.of(assignment) <= max_loss; };
  for (const Assignment& assignment : all_assignments(problem, kMostExhaustive)) {
    if (keeps(assignment)) {
      return {true, assignment, losses.of(assignment), losses.count()};
    }
  }
  std::size_t good = path.size() - 1;
  if (!keeps(path.front())) {
    if (!keeps(path.back())) {
      return {false, path.back(), losses.of(path.back()), losses.count()};
    }
    for (std::size_t bad = 0; good - bad > 1;) {
      const std::size_t middle = bad + (good - bad) / 2;
      (keeps(path[middle]) ? good : bad) = middle;
    }
  } else {
    good = 0;
  }
  Assignment best = lowered(problem, path[good], keeps);
  for (bool improved = true; improved;) {
    const auto tries = exchanges(problem, best);
    const auto at = std::find_if(tries.begin(), tries.end(), keeps);
    improved = at != tries.end();
    best = improved ? lowered(problem, *at, keeps) : best;
  }
  return {true, best, losses.of(best), losses.count()};
}

}  // namespace mantissa::study
