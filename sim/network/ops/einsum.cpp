// SPDX-License-Identifier: Apache-2.0
// Einsum: explicit and implicit results, repeated letters (diagonals) and ellipses. Products and sums are taken in
// double, rounded once.
#include "network/ops/einsum.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "network/ops/families.h"

namespace mantissa::network::ops {

namespace {

constexpr std::size_t kMaxEllipsis = 10;  // dimensions behind an ellipsis, written as the digits

struct Equation {
  std::vector<std::string> terms;  // one letter or digit per dimension
  std::string result;
  std::map<char, Dim> sizes;
};

// "a...b" for a tensor of this rank, the ellipsis as digits that count to the last of its dimensions.
std::string expand(const std::string& term, std::size_t ellipsis_rank) {
  const std::size_t dots = term.find("...");
  if (dots == std::string::npos) {
    return term;
  }
  std::string digits;
  for (std::size_t i = 0; i < ellipsis_rank; ++i) {
    digits += static_cast<char>('0' + (kMaxEllipsis - ellipsis_rank + i));
  }
  return term.substr(0, dots) + digits + term.substr(dots + 3);
}

void check_letters(const std::string& term, const std::string& equation) {
  const std::size_t dots = term.find("...");
  const std::string letters = dots == std::string::npos ? term : term.substr(0, dots) + term.substr(dots + 3);
  for (char c : letters) {
    require(std::isalpha(static_cast<unsigned char>(c)) != 0, "equation '{}' is not understood", equation);
  }
}

std::vector<std::string> split_terms(const std::string& left) {
  std::vector<std::string> terms(1);
  for (char c : left) {
    if (c == ',') {
      terms.emplace_back();
    } else {
      terms.back() += c;
    }
  }
  return terms;
}

// Without "->": an ellipsis first, then the letters that occur once, in alphabetical order.
std::string implicit_result(const std::vector<std::string>& terms) {
  std::map<char, int> count;
  bool dots = false;
  for (const std::string& term : terms) {
    dots = dots || term.find("...") != std::string::npos;
    for (char c : term) {
      ++count[c];
    }
  }
  std::string result = dots ? "..." : "";
  for (const auto& [c, n] : count) {
    result += n == 1 && c != '.' ? std::string(1, c) : "";
  }
  return result;
}

Equation parse(const Node& node, std::span<const Shape> shapes) {
  const std::string text = node.text("equation", "");
  std::string equation = text;
  std::erase(equation, ' ');
  const std::size_t arrow = equation.find("->");
  Equation e;
  e.terms = split_terms(equation.substr(0, arrow));
  require(e.terms.size() == shapes.size(), "equation '{}' has {} operands, the node has {}", text, e.terms.size(),
          shapes.size());
  e.result = arrow == std::string::npos ? implicit_result(e.terms) : equation.substr(arrow + 2);
  check_letters(e.result, text);
  std::size_t widest = 0;
  for (std::size_t i = 0; i < e.terms.size(); ++i) {
    std::string& term = e.terms[i];
    check_letters(term, text);
    const bool dots = term.find("...") != std::string::npos;
    const std::size_t letters = term.size() - (dots ? 3 : 0), rank = shapes[i].size();
    require(dots ? rank >= letters && rank - letters <= kMaxEllipsis : rank == letters,
            "operand '{}' of '{}' does not fit shape {}", term, text, to_string(shapes[i]));
    widest = std::max(widest, rank - letters);
    term = expand(term, rank - letters);
    for (std::size_t d = 0; d < rank; ++d) {
      Dim& size = e.sizes.try_emplace(term[d], shapes[i][d]).first->second;
      const bool broadcasts =
          std::isdigit(static_cast<unsigned char>(term[d])) != 0 && (size == 1 || shapes[i][d] == 1);
      require(size == shapes[i][d] || broadcasts, "'{}' of '{}' is both {} and {}", term[d], text, size, shapes[i][d]);
      size = broadcasts ? std::max(size, shapes[i][d]) : size;
    }
  }
  e.result = expand(e.result, widest);
  for (char c : e.result) {
    require(e.sizes.contains(c) && std::ranges::count(e.result, c) == 1,
            "the result of '{}' has a letter twice or an unknown one", text);
  }
  return e;
}

// Strides of one operand over a list of letters; a letter that occurs twice walks the diagonal.
std::vector<Dim> letter_strides(const std::string& term, const Shape& shape, const std::string& letters) {
  const std::vector<Dim> dense = strides_of(shape);
  std::vector<Dim> strides(letters.size(), 0);
  for (std::size_t d = 0; d < term.size(); ++d) {
    const std::size_t at = letters.find(term[d]);
    if (at != std::string::npos && shape[d] != 1) {
      strides[at] += dense[d];
    }
  }
  return strides;
}

std::vector<Shape> shapes_of(Tensors inputs) {
  std::vector<Shape> shapes;
  for (const Tensor* input : inputs) {
    shapes.push_back(input->shape);
  }
  return shapes;
}

}  // namespace

Types infer_einsum(const Node& node, Values inputs) {
  std::vector<Shape> shapes;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    require_float(need(inputs, i), "its inputs");
    require(inputs[i]->type == inputs[0]->type, "its inputs have different types");
    shapes.push_back(inputs[i]->shape);
  }
  const Equation e = parse(node, shapes);
  TensorType out{inputs[0]->type, {}};
  for (char c : e.result) {
    out.shape.push_back(e.sizes.at(c));
  }
  Shape all;
  for (const auto& [c, size] : e.sizes) {
    all.push_back(size);
  }
  checked_count(all);
  return {out};
}

std::vector<Tensor> evaluate_einsum(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const std::vector<Shape> shapes = shapes_of(inputs);
  const Equation e = parse(node, shapes);
  std::string summed;
  Shape sum_shape;
  for (const auto& [c, size] : e.sizes) {
    if (e.result.find(c) == std::string::npos) {
      summed += c;
      sum_shape.push_back(size);
    }
  }
  std::vector<std::vector<Dim>> outer, inner;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    outer.push_back(letter_strides(e.terms[i], shapes[i], e.result));
    inner.push_back(letter_strides(e.terms[i], shapes[i], summed));
  }
  Walk results(out[0].shape, outer);
  results.run([&](Dim o, std::span<const Dim> base, Dim results_run) {
    for (Dim r = 0; r < results_run; ++r) {
      double sum = 0;
      Walk sums(sum_shape, inner);
      sums.run([&](Dim, std::span<const Dim> at, Dim run) {
        for (Dim i = 0; i < run; ++i) {
          double term = 1;
          for (std::size_t t = 0; t < inputs.size(); ++t) {
            const Dim where = base[t] + r * results.inner_strides()[t] + at[t] + i * sums.inner_strides()[t];
            term *= real_at(*inputs[t], where);
          }
          sum += term;
        }
      });
      if (out[0].type == ElementType::kFloat) {
        out[0].floats()[idx(o + r)] = static_cast<float>(sum);
      } else {
        std::get<std::vector<double>>(out[0].data)[idx(o + r)] = sum;
      }
    }
  });
  return out;
}

GemmWork einsum_work(const Node& node, std::span<const Shape> inputs) {
  const Equation e = parse(node, inputs);
  require(e.terms.size() <= 2, "an Einsum of {} operands has no timing model; split it into products of two",
          e.terms.size());
  GemmWork work;
  for (const auto& [c, size] : e.sizes) {
    const bool a = e.terms[0].find(c) != std::string::npos,
               b = e.terms.size() > 1 && e.terms[1].find(c) != std::string::npos;
    const bool kept = e.result.find(c) != std::string::npos;
    (kept ? (a && b ? work.batch : a ? work.m : work.n) : work.k) *= size;
  }
  return work;
}

}  // namespace mantissa::network::ops
