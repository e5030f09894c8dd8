// SPDX-License-Identifier: Apache-2.0
#include "network/onnx/file.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/stubs/logging.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "network/onnx/scan.h"

namespace mantissa::network {
namespace {

constexpr std::uintmax_t kMaxFileBytes = (std::uintmax_t{1} << 31) - 1;  // protobuf's own limit
constexpr std::size_t kMaxNameBytes = 120;

std::string read_bytes(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (error || !std::filesystem::exists(status)) {
    throw ConfigError({path, 0, 0}, "the ONNX file does not exist; check the path");
  }
  if (!std::filesystem::is_regular_file(status)) {
    throw ConfigError({path, 0, 0}, "is not a regular file; give the path of an ONNX file");
  }
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) {
    throw ConfigError({path, 0, 0}, "cannot be read: " + error.message());
  }
  if (size > kMaxFileBytes) {
    throw ConfigError({path, 0, 0}, fmt::format("the file has {} bytes; ONNX files have at most 2 GB", size));
  }
  std::ifstream file(path, std::ios::binary);
  std::string bytes(static_cast<std::size_t>(size), '\0');
  if (!file.read(bytes.data(), static_cast<std::streamsize>(size))) {
    throw ConfigError({path, 0, 0}, "cannot be read; check its permissions");
  }
  return bytes;
}

// Bytes of the UTF-8 character at `at`, 0 if there is none (overlong forms and surrogates included).
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const unsigned first = byte(at);
  const std::size_t length = first < 0x80                    ? 1
                             : first >= 0xc2 && first < 0xe0 ? 2
                             : first >= 0xe0 && first < 0xf0 ? 3
                             : first >= 0xf0 && first < 0xf5 ? 4
                                                             : 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0U) != 0x80U) {
      return 0;
    }
  }
  const unsigned second = byte(at + 1);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool outside = (first == 0xed && second >= 0xa0) || (first == 0xf4 && second >= 0x90);
  return overlong || outside ? 0 : length;
}

}  // namespace

onnx::ModelProto read_onnx(const std::string& path) {
  const std::string bytes = read_bytes(path);
  if (bytes.empty()) {
    throw ConfigError({path, 0, 0}, "the file is empty; export the model again");
  }
  scan_onnx(bytes, path);
  onnx::ModelProto model;
  // Protobuf would print its complaints to stderr.
  const google::protobuf::LogSilencer quiet;
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                                static_cast<int>(bytes.size()));
  stream.SetRecursionLimit(60);
  if (!model.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage()) {
    throw ConfigError({path, 0, 0}, "not a readable ONNX file: protobuf refuses it; export or download it again");
  }
  return model;
}

std::string printable(std::string_view name) {
  std::string text;
  for (std::size_t at = 0; at < name.size();) {
    if (text.size() >= kMaxNameBytes) {
      return text + "...";
    }
    const std::size_t length = utf8_length(name, at);
    const auto first = static_cast<unsigned char>(name[at]);
    if (length == 0 || first < 0x20 || first == 0x7f) {
      text += '?';
      ++at;
    } else {
      text += name.substr(at, length);
      at += length;
    }
  }
  return text;
}

}  // namespace mantissa::network
