// SPDX-License-Identifier: Apache-2.0
#include "execute/dataset.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/text.h"

namespace mantissa::execute {
namespace {

constexpr const char* kDebianFolder = "/usr/share/datasets/fashion-mnist";
constexpr std::int64_t kMaxImages = 1'000'000;
constexpr std::int64_t kMaxSide = 512;
constexpr std::uint32_t kImagesMagic = 0x0803, kLabelsMagic = 0x0801;  // unsigned bytes in 3 dimensions; in 1

// A gzip-compressed (or plain) file, read front to back.
class IdxFile {
 public:
  explicit IdxFile(const std::string& path) : path_(path), file_(gzopen(path.c_str(), "rb"), gzclose) {
    if (!file_) {
      fail("cannot be opened");
    }
  }

  [[noreturn]] void fail(const std::string& problem) const { throw ConfigError({path_}, problem); }

  void read(std::span<std::uint8_t> bytes) {
    constexpr std::size_t kMost = 1 << 20;
    for (std::size_t done = 0; done < bytes.size();) {
      const auto wanted = static_cast<unsigned>(std::min(kMost, bytes.size() - done));
      const int got = gzread(file_.get(), bytes.data() + done, wanted);
      if (got <= 0) {
        fail(got == 0 ? "the file ends too early; install it again"
                      : "the compressed data is damaged; install it again");
      }
      done += static_cast<std::size_t>(got);
    }
  }

  std::uint32_t word() {
    std::array<std::uint8_t, 4> b{};
    read(b);
    return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
  }

  void expect_magic(std::uint32_t magic, const char* content) {
    const std::uint32_t found = word();
    if (found != magic) {
      fail(fmt::format("it starts with {:#010x}, idx files of {} start with {:#010x}", found, content, magic));
    }
  }

  std::int64_t size(const char* what, std::int64_t most) {
    const std::int64_t n = word();
    if (n < 1 || n > most) {
      fail(fmt::format("its header says {} {}; 1 to {} are read", n, what, most));
    }
    return n;
  }

 private:
  std::string path_;
  std::unique_ptr<gzFile_s, int (*)(gzFile)> file_;
};

std::string find_file(const std::string& folder, const std::string& name) {
  for (const char* suffix : {".gz", ""}) {
    const auto path = std::filesystem::path(folder) / (name + suffix);
    std::error_code ignored;
    if (std::filesystem::is_regular_file(path, ignored)) {
      return path.string();
    }
  }
  throw ConfigError(
      {(std::filesystem::path(folder) / (name + ".gz")).string()},
      "the data set is not there; run 'apt-get install dataset-fashion-mnist', or set dataset.folder or the "
      "environment variable MANTISSA_DATA_DIR to the folder that holds it");
}

}  // namespace

std::string dataset_folder(const config::Dataset& dataset) {
  if (!dataset.folder.empty()) {
    return dataset.folder;
  }
  const char* from_environment = std::getenv("MANTISSA_DATA_DIR");
  return from_environment != nullptr && *from_environment != '\0' ? from_environment : kDebianFolder;
}

LabelledImages load_images(const config::Dataset& dataset, Split split, std::int64_t count,
                           const std::string& workload_path) {
  const std::vector<std::string> known{"fashion_mnist"};
  if (dataset.name != known.front()) {
    throw ConfigError({workload_path},
                      fmt::format("unknown data set '{}'{}", dataset.name, suggestion(dataset.name, known)));
  }
  const std::string folder = dataset_folder(dataset), part = split == Split::kTrain ? "train" : "t10k";
  IdxFile images(find_file(folder, part + "-images-idx3-ubyte"));
  IdxFile labels(find_file(folder, part + "-labels-idx1-ubyte"));
  images.expect_magic(kImagesMagic, "images");
  labels.expect_magic(kLabelsMagic, "labels");
  LabelledImages result;
  const std::int64_t available = images.size("images", kMaxImages);
  const std::int64_t labelled = labels.size("labels", kMaxImages);
  if (labelled != available) {
    labels.fail(fmt::format("it has {} labels, the images are {}", labelled, available));
  }
  result.height = images.size("rows", kMaxSide);
  result.width = images.size("columns", kMaxSide);
  result.count = count == 0 ? available : count;
  if (result.count < 0 || result.count > available) {
    images.fail(fmt::format("it has {} images, the workload asks for {}", available, result.count));
  }
  result.pixels.resize(static_cast<std::size_t>(result.count * result.height * result.width));
  result.labels.resize(static_cast<std::size_t>(result.count));
  images.read(result.pixels);
  labels.read(result.labels);
  return result;
}

network::Tensor image_batch(const LabelledImages& images, const config::Dataset& dataset, std::int64_t first,
                            const network::Shape& shape) {
  check(shape.size() == 4 && shape[1] == 1 && shape[2] == images.height && shape[3] == images.width,
        "the shape fits the images");
  std::array<float, 256> value{};
  for (std::size_t pixel = 0; pixel < value.size(); ++pixel) {
    value[pixel] =
        (static_cast<float>(pixel) / 255.0F - static_cast<float>(dataset.mean)) / static_cast<float>(dataset.std);
  }
  network::Tensor batch = network::Tensor::zeros(network::ElementType::kFloat, shape);
  const std::int64_t size = images.height * images.width,
                     present = std::clamp<std::int64_t>(images.count - first, 0, shape[0]);
  const auto begin = images.pixels.begin() + first * size;
  std::transform(begin, begin + present * size, batch.floats().begin(),
                 [&](std::uint8_t pixel) { return value[pixel]; });
  return batch;
}

}  // namespace mantissa::execute
