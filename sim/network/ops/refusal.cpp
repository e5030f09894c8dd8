// SPDX-License-Identifier: Apache-2.0
// Why operators of ONNX that are not in the table are refused, by family.
#include <algorithm>
#include <array>

#include "network/op.h"

namespace mantissa::network {

namespace {

struct Family {
  std::string_view names, reason;
};

constexpr std::array kFamilies = {
    Family{" If Loop Scan SequenceMap ",
           "control flow is not supported: export the network with its loops and branches unrolled"},
    Family{" LSTM GRU RNN ", "recurrent layers are not supported"},
    Family{" NonZero NonMaxSuppression Unique Compress ", "the size of its output depends on data"},
    Family{" SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SplitToSequence "
           "ConcatFromSequence Optional OptionalGetElement OptionalHasElement ",
           "sequences and optional values are not supported"},
    Family{" StringNormalizer TfIdfVectorizer ", "text processing is not supported"},
    Family{" Bernoulli RandomNormal RandomNormalLike RandomUniform RandomUniformLike Multinomial ",
           "random operators are not supported"},
    Family{" NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss Adagrad Adam Momentum Gradient ",
           "training operators are not supported: export the network for inference"},
    Family{" DFT STFT MelWeightMatrix BlackmanWindow HammingWindow HannWindow ", "signal processing is not supported"},
    Family{" Det RoiAlign MaxRoiPool ", "it has no timing model yet"},
};

}  // namespace

std::string refusal(std::string_view name) {
  const std::string word = " " + std::string(name) + " ";
  const auto* family =
      std::ranges::find_if(kFamilies, [&](const Family& f) { return f.names.find(word) != f.names.npos; });
  return std::string(family == kFamilies.end() ? "it is not one of the operators that Mantissa knows (docs/onnx.md)"
                                               : family->reason);
}

}  // namespace mantissa::network
