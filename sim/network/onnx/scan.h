// SPDX-License-Identifier: Apache-2.0
// Walks the bytes of an ONNX file before protobuf builds objects from them: every length must lie inside the file,
// messages may not nest too deeply, and the memory that the objects will take is estimated and bounded. Protobuf itself
// would turn two bytes
// ("an empty node") into 200, and reports a broken file without saying where.
//
// SOURCE: field numbers from onnx.proto (ONNX 1.12), wire format from protobuf's encoding guide.
#pragma once
#include <string>
#include <string_view>

namespace mantissa::network {

// Throws ConfigError at `path`.
void scan_onnx(std::string_view bytes, const std::string& path);

}  // namespace mantissa::network
