// SPDX-License-Identifier: Apache-2.0
// Tables of bit patterns: reading, and dot products and conversions on their rows. Small examples are worked out by
// hand; the golden tables go through as the command line takes them.
#include <gmock/gmock.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <random>
#include <sstream>

#include "config/chip.h"
#include "study/vectors/cast.h"
#include "study/vectors/dot.h"

namespace mantissa::study {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kTables = std::string(MANTISSA_SOURCE_DIR) + "/tests/data/numerics/";

// A file that goes away with the test.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text, const std::string& name = "rows.csv")
      : path_(std::filesystem::path(testing::TempDir()) /
              (std::string(testing::UnitTest::GetInstance()->current_test_info()->name()) + "_" + name)) {
    std::ofstream(path_, std::ios::binary) << text;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

std::string gzipped(const std::string& text) {
  std::string packed(compressBound(text.size()) + 64, '\0');
  z_stream z{};
  EXPECT_EQ(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(packed.data());
  z.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
  packed.resize(z.total_out);
  deflateEnd(&z);
  return packed;
}

numerics::Datapath datapath(std::string name) {
  setenv("MANTISSA_HOME", MANTISSA_SOURCE_DIR, 1);
  return find_datapath(name);
}

struct DotOptions {
  std::vector<std::string> only;
  std::optional<numerics::Format> operands;
  int threads = 1;
};
std::string dot(const std::string& name, const std::string& table, const DotOptions& options = {}) {
  const TemporaryFile input(table);
  VectorFile file(input.path());
  const DotRows rows(datapath(name), file, options.operands);
  std::ostringstream out;
  write_rows(file, rows, {"d", options.only, options.threads}, out);
  return out.str();
}

std::string mistakes(const std::function<void()>& call) {
  try {
    call();
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "none";
}

numerics::Format format(const char* name) {
  return *numerics::find_format(name);
}

TEST(VectorFile, ReadsPlainAndGzippedText) {
  const std::string text = "a,b\n1,2\n3,4\n";
  for (const std::string& bytes : {text, gzipped(text), gzipped("a,b\n1,") + gzipped("2\n3,4\n")}) {
    const TemporaryFile input(bytes);
    VectorFile file(input.path());
    EXPECT_THAT(file.columns(), ElementsAre("a", "b"));
    const auto blocks = file.read(10);
    ASSERT_EQ(blocks.size(), 1U);
    EXPECT_EQ(blocks[0].text, "1,2\n3,4\n");
    EXPECT_EQ(blocks[0].first_line, 2);
    EXPECT_TRUE(file.read(10).empty());
  }
}

TEST(VectorFile, TakesWhatProgramsOnOtherSystemsWrite) {
  const TemporaryFile input("\xEF\xBB\xBF\r\n \"a\" , b_hex,C,\"x, y\"\r\n");
  const VectorFile file(input.path());
  EXPECT_THAT(file.columns(), ElementsAre("a", "b_hex", "C", "x, y"));
  EXPECT_EQ(file.find("A"), 0);
  EXPECT_EQ(file.find("b"), 1);
  EXPECT_EQ(file.find("c"), 2);
  EXPECT_EQ(file.find("d"), -1);
}

TEST(VectorFile, AnExactNameComesBeforeALongerOne) {
  const TemporaryFile input("d_model,d,d_gpu\n");
  const VectorFile file(input.path());
  EXPECT_EQ(file.find("d"), 1);
  EXPECT_EQ(file.find("d_gpu"), 2);
}

TEST(VectorFile, BlocksAreWholeLinesInOrder) {
  std::string text = "x\n";
  for (int i = 0; i < 300'000; ++i) {
    text += std::to_string(i) + "\n";
  }
  const TemporaryFile input(gzipped(text));
  VectorFile file(input.path());
  std::int64_t line = 2;
  std::string all = "x\n";
  for (auto blocks = file.read(1); !blocks.empty(); blocks = file.read(1)) {
    EXPECT_EQ(blocks[0].first_line, line);
    line += std::count(blocks[0].text.begin(), blocks[0].text.end(), '\n');
    all += blocks[0].text;
  }
  EXPECT_EQ(all, text);
}

TEST(VectorFile, RefusesALineWithoutEnd) {
  const TemporaryFile input("a\n" + std::string(9U << 20U, '0'));
  VectorFile file(input.path());
  EXPECT_THAT(mistakes([&] { file.read(4); }), HasSubstr(":2:1: error: this line is longer than 4 MiB"));
}

TEST(Codes, HaveAsManyDigitsAsTheirFormat) {
  EXPECT_EQ(hex_digits(format("fp32")), 8);
  EXPECT_EQ(hex_digits(format("tf32")), 5);
  EXPECT_EQ(hex_digits(format("bf16")), 4);
  EXPECT_EQ(hex_digits(format("e4m3")), 2);
  EXPECT_EQ(hex_digits(format("e2m1")), 2);
  std::vector<std::uint32_t> codes;
  parse_codes("0x1fC000000A", format("tf32"), "a", codes);
  EXPECT_THAT(codes, ElementsAre(0x1FC00U, 0x0000AU));
}

TEST(Codes, CountTheNumbersBetweenThem) {
  const numerics::Format fp16 = format("fp16");
  EXPECT_EQ(steps_apart(fp16, 0x3C00, 0x3C03), 3);
  EXPECT_EQ(steps_apart(fp16, 0x8000, 0x0000), 1);
  EXPECT_EQ(steps_apart(fp16, 0x8002, 0x0001), 4);
  EXPECT_EQ(steps_apart(fp16, 0x7C00, 0x7BFF), -1);
  EXPECT_EQ(steps_apart(fp16, 0x7E00, 0x7E00), -1);
  EXPECT_EQ(steps_apart(format("int8"), 0xFF, 0x02), 3);
}

// 1*2 + 3 = 5 and -1.5*4 + 3 = -3, in FP16 operands and an FP32 accumulator.
TEST(Dot, WritesTheTableWithAColumnMore) {
  EXPECT_EQ(dot("h100_sxm.fp16", "name,a,b,c\none,3c00,4000,40400000\n\ntwo,be00,4400,40400000\r\n"),
            "name,a,b,c,d\none,3c00,4000,40400000,40a00000\ntwo,be00,4400,40400000,c0400000\n");
}

TEST(Dot, WritesTheColumnsThatAreAskedFor) {
  const std::string table = "a,b,c,d\n3c00,4000,40400000,ffffffff\n";
  EXPECT_EQ(dot("h100_sxm.fp16", table), "a,b,c,d,d_mantissa\n3c00,4000,40400000,ffffffff,40a00000\n");
  EXPECT_EQ(dot("h100_sxm.fp16", table, {{"d"}, {}, 1}), "d\n40a00000\n");
  EXPECT_EQ(dot("h100_sxm.fp16", table, {{"c", "d", "a"}, {}, 1}), "c,d,a\n40400000,40a00000,3c00\n");
}

// 1 + 2^-24 is a tie that FP32's nearest even loses; the second group of four adds to it what the first one lost.
TEST(Dot, ALengthThatIsNoMultipleOfTheGroupIsPaddedWithZeros) {
  const std::string ones = "3f80";
  const std::string small = "3380";  // 2^-24
  const auto row = [&](const std::string& a, std::size_t count) {
    std::string b;
    for (std::size_t i = 0; i < count; ++i) {
      b += ones;
    }
    return "a,b,c\n" + a + "," + b + ",00000000\n";
  };
  EXPECT_EQ(dot("tpu_v4.bf16", row(ones + small, 2), {{"d"}, {}, 1}), "d\n3f800000\n");
  EXPECT_EQ(dot("tpu_v4.bf16", row(ones + small + small, 3), {{"d"}, {}, 1}), "d\n3f800001\n");
  EXPECT_EQ(dot("tpu_v4.bf16", row(ones + "0000" + "0000" + "0000" + small, 5), {{"d"}, {}, 1}), "d\n3f800000\n");
}

TEST(Dot, TakesAnAccumulatorInTheOutputsFormatOrInFp32) {
  const std::string result = "d\n4500\n";  // 5
  EXPECT_EQ(dot("ane_a17_pro.fp16", "a,b,c\n3c00,4000,4200\n", {{"d"}, {}, 1}), result);
  EXPECT_EQ(dot("ane_a17_pro.fp16", "a,b,c\n3c00,4000,40400000\n", {{"d"}, {}, 1}), result);
}

// FP8 accumulates in e8m13: c = 1 + 2^-14 enters as 1.
TEST(Dot, CutsAnFp32AccumulatorToTheAccumulatorsBits) {
  EXPECT_EQ(dot("h100_sxm.fp8_e4m3", "a,b,c\n00,00,3f800200\n38,30,3f800200\n", {{"d"}, {}, 1}),
            "d\n3f800000\n3fc00000\n");
}

TEST(Dot, SumsIntegers) {
  // 127*-128 + -1*-1 + 5, wrapped at 32 bits in the second row.
  EXPECT_EQ(dot("h100_sxm.int8", "a,b,c\n7fff,80ff,00000005\n01,01,7fffffff\n", {{"d"}, {}, 1}),
            "d\nffffc086\n80000000\n");
}

TEST(Dot, KeepsInfinitiesOfSaturatingFormatsAndMakesNaNsCanonical) {
  // E5M2: infinity times one; infinity minus infinity; a NaN.
  EXPECT_EQ(dot("h100_sxm.fp8_e5m2", "a,b,c\n7c,3c,00000000\n7cfc,3c3c,00000000\n7f,3c,00000000\n", {{"d"}, {}, 1}),
            "d\n7f800000\n7fffffff\n7fffffff\n");
}

// 0x0001 is BF16's smallest subnormal; the TPU takes it for zero, the H100 does not. 2^-133 * 2^100 = 2^-33.
TEST(Dot, FlushesWhatTheDatapathFlushes) {
  EXPECT_EQ(dot("tpu_v4.bf16", "a,b,c\n0001,7180,00000000\n", {{"d"}, {}, 1}), "d\n00000000\n");
  EXPECT_EQ(dot("h100_sxm.bf16", "a,b,c\n0001,7180,00000000\n", {{"d"}, {}, 1}), "d\n2f000000\n");
}

// TF32 cuts FP32 operands to 10 fraction bits; BF16 rounds 1 + 2^-8 + 2^-9 up to 1 + 2^-7.
TEST(Dot, RoundsOperandsOfAnotherFormat) {
  EXPECT_EQ(dot("h100_sxm.tf32", "a,b,c\n3f801fff,3f800000,00000000\n", {{"d"}, format("fp32"), 1}), "d\n3f800000\n");
  EXPECT_EQ(dot("tpu_v4.bf16", "a,b,c\n3f80c000,3f800000,00000000\n", {{"d"}, format("fp32"), 1}), "d\n3f810000\n");
}

TEST(Dot, GivesTheSameBytesForAnyNumberOfThreads) {
  std::mt19937 random(4);
  std::string table = "a,b,c\n";
  for (int i = 0; i < 120'000; ++i) {  // several batches of blocks
    std::ostringstream line;
    line << std::hex << std::setfill('0');
    for (int word = 0; word < 4; ++word) {
      line << std::setw(8) << (random() & 0x7BFF7BFFU) << (word == 1 ? "," : "");
    }
    table += line.str() + ",3f800000\n";
  }
  const std::string one = dot("h100_sxm.fp16", table, {{}, {}, 1});
  EXPECT_EQ(std::count(one.begin(), one.end(), '\n'), 120'001);
  EXPECT_EQ(one, dot("h100_sxm.fp16", table, {{}, {}, 3}));
}

TEST(Dot, ReportsTheFirstMistakesOfABlockWithTheirPlaces) {
  std::string table = "a,b,c\n";
  for (int i = 0; i < 20; ++i) {
    table += i == 3 || i == 7 ? "3c00,3x00,00000000\n" : "3c00,3c00,00000000\n";
  }
  const std::string said = mistakes([&] { dot("h100_sxm.fp16", table); });
  EXPECT_THAT(said, HasSubstr(":5:7: error: 'x' is no hex digit"));
  EXPECT_THAT(said, HasSubstr(":9:7: error: 'x' is no hex digit"));
}

Comparison compare_dot(const std::string& name, const std::string& table, const std::string& column) {
  VectorFile file(kTables + table + ".csv.gz");
  const DotRows rows(datapath(name), file, std::nullopt);
  return compare_rows(file, rows, {file.require(column, ""), false, 10, 1});
}

// The first column that is called d or d_...: real silicon, or MMA-Sim.
TEST(Dot, AgreesWithEveryRowOfTheGoldenTables) {
  const std::pair<const char*, const char*> kSilicon[] = {{"h100_sxm.fp16", "fp16_f32"},
                                                          {"h100_sxm.bf16", "bf16_f32"},
                                                          {"h100_sxm.tf32", "tf32_f32"},
                                                          {"h100_sxm.fp16_f16", "fp16_f16"},
                                                          {"h100_sxm.fp8_e4m3", "e4m3_f32"},
                                                          {"h100_sxm.fp8_e5m2", "e5m2_f32"},
                                                          {"h100_sxm.fp8_e4m3_mma_sync", "e4m3_f16_mmasync_emulated"},
                                                          {"h100_sxm.fp8_e5m2_mma_sync", "e5m2_f16_mmasync_emulated"}};
  for (const auto& [name, table] : kSilicon) {
    const Comparison c = compare_dot(name, std::string("tensorcore_h200silicon_") + table, "d");
    EXPECT_EQ(c.rows, 1500) << table;
    EXPECT_EQ(c.differ, 0) << table;
  }
  const std::pair<const char*, const char*> kModel[] = {
      {"h100_sxm.fp16", "fp16_f32"},         {"h100_sxm.bf16", "bf16_f32"},
      {"h100_sxm.fp16_f16", "fp16_f16"},     {"h100_sxm.fp8_e4m3", "e4m3_f32"},
      {"h100_sxm.fp8_e5m2", "e5m2_f32"},     {"h100_sxm.tf32_mmasim", "tf32_f32"},
      {"h100_sxm.fp8_e4m3_f16", "e4m3_f16"}, {"h100_sxm.fp8_e5m2_f16", "e5m2_f16"},
      {"h100_sxm.bf16_mmasim", "bf16_f32"}};
  for (const auto& [name, table] : kModel) {
    const Comparison c = compare_dot(name, "tensorcore_hopper_" + std::string(table) + "_mmasim", "d");
    EXPECT_EQ(c.rows, 453) << table;
    EXPECT_EQ(c.differ, 0) << table;
    EXPECT_EQ(c.column, "d_mmasim_hex");
  }
}

TEST(Dot, ShowsTheRowsThatDiffer) {
  const Comparison c = compare_dot("h100_sxm.tf32", "tensorcore_hopper_tf32_f32_mmasim", "d_mmasim");
  EXPECT_EQ(c.differ, 1);
  ASSERT_EQ(c.first.size(), 1U);
  EXPECT_EQ(c.first[0].line, 253);
  EXPECT_EQ(c.first[0].inputs[2], "072181cd");
  EXPECT_EQ(c.first[0].expected, "a993c000");
  EXPECT_EQ(c.first[0].got, "a993da40");
  EXPECT_EQ(c.first[0].steps, 0x1A40);
  EXPECT_EQ(c.largest_steps, 0x1A40);
}

TEST(Dot, ComparesNaNsByClassOrByTheirBits) {
  const TemporaryFile input("a,b,c,d\n7e00,3c00,00000000,ffc00000\n3c00,3c00,00000000,7fffffff\n");
  for (const bool nan_bits : {false, true}) {
    VectorFile file(input.path());
    const DotRows rows(datapath("h100_sxm.fp16"), file, std::nullopt);
    const Comparison c = compare_rows(file, rows, {3, nan_bits, 10, 1});
    EXPECT_EQ(c.rows, 2);
    EXPECT_EQ(c.differ, nan_bits ? 2 : 1);
    EXPECT_EQ(c.special_differ, c.differ);
  }
}

TEST(DatapathName, MayBeShort) {
  std::string name = "fp8_e5m2";
  setenv("MANTISSA_HOME", MANTISSA_SOURCE_DIR, 1);
  EXPECT_EQ(find_datapath(name).accumulator.name, "e8m13");
  EXPECT_EQ(name, "h100_sxm.fp8_e5m2");
  std::string file = std::string(MANTISSA_SOURCE_DIR) + "/configs/tpu_v4.yaml:bf16";
  EXPECT_TRUE(find_datapath(file).flush_subnormal_operands);
}

Comparison compare_cast(const std::string& table, const std::string& column) {
  VectorFile file(kTables + table + ".csv.gz");
  const auto from = column_meaning(file.columns()[0]);
  const auto to = column_meaning(column);
  Cast cast{from->format,     false, to->format, to->rounding.value_or(numerics::Rounding::kNearestEven), 0,
            to->keep_infinity};
  cast.to.overflow = to->overflow.value_or(cast.to.overflow);
  return compare_rows(file, CastRows(cast, 0), {file.require(column, ""), false, 10, 1});
}

TEST(Cast, AgreesWithEveryRowOfTheGoldenTables) {
  const std::vector<std::string> fp8 = {"e4m3fn_nosat", "e4m3fn_sat", "e4m3fn_ocpsat",
                                        "e5m2_nosat",   "e5m2_sat",   "e5m2_ocpsat"};
  for (const std::string& column : fp8) {
    for (const char* table : {"fp16_to_fp8", "bf16_to_fp8"}) {
      const Comparison c = compare_cast(table, column);
      EXPECT_EQ(c.rows, 65536);
      EXPECT_EQ(c.differ, 0) << table << " " << column;
    }
    EXPECT_EQ(compare_cast("fp32_to_small", column).differ, 0) << column;
  }
  for (const char* column : {"bf16_rne", "bf16_rz", "fp16_rne", "tf32_rne", "tf32_rna", "tf32_rz"}) {
    const Comparison c = compare_cast("fp32_to_small", column);
    EXPECT_EQ(c.rows, 37666);
    EXPECT_EQ(c.differ, 0) << column;
  }
  for (const char* column : {"e2m3fn", "e3m2fn", "e2m1fn"}) {
    const Comparison c = compare_cast("bf16_to_mx", column);
    EXPECT_EQ(c.rows, 65280);
    EXPECT_EQ(c.differ, 0) << column;
  }
  // The table tells the ways of overflowing apart: the saturating column fails a cast that does not saturate.
  VectorFile file(kTables + "bf16_to_fp8.csv.gz");
  const CastRows other({format("bf16"), false, format("e4m3_nosat"), {}, 0, false}, 0);
  EXPECT_GT(compare_rows(file, other, {file.find("e4m3fn_ocpsat"), false, 10, 1}).differ, 30'000);
}

TEST(Cast, DecodesEveryCode) {
  const std::pair<const char*, int> kCodes[] = {
      {"e4m3fn", 256}, {"e5m2", 256}, {"e2m3fn", 64}, {"e3m2fn", 64}, {"e2m1fn", 16}};
  for (const auto& [name, rows] : kCodes) {
    VectorFile file(kTables + "decode_" + name + ".csv.gz");
    const CastRows cast({column_meaning(name)->format, false, format("fp32"), {}, 0, false}, 0);
    const Comparison c = compare_rows(file, cast, {file.find("value_f32_bits"), false, 10, 1});
    EXPECT_EQ(c.rows, rows);
    EXPECT_EQ(c.differ, 0) << name;
  }
}

std::string cast_cells(const RowFunction& rows, const std::string& cells) {
  const TemporaryFile input("x\n" + cells);
  VectorFile file(input.path());
  std::ostringstream out;
  write_rows(file, rows, {"r", {"r"}, 1}, out);
  return out.str().substr(2);
}

TEST(Cast, ReadsScalesOfBlocks) {
  const CastRows cast({format("fp32"), true, format("fp32"), {}, 0, false}, 0);
  EXPECT_EQ(cast_cells(cast, "00\n01\n7f\nfe\nff\n"), "00400000\n00800000\n3f800000\n7f000000\n7fffffff\n");
}

TEST(Cast, ConvertsEachElementOfACell) {
  const CastRows cast({format("fp32"), false, format("e4m3"), {}, 0, false}, 0);
  EXPECT_EQ(cast_cells(cast, "3f800000c0000000\n"), "38c0\n");
}

// BF16's last place at 1 is 2^-7: 1 + 2^-9 becomes the upper neighbour for a quarter of the draws.
TEST(Cast, RoundsStochasticallyWithTheRightFrequencyAndTheSameSeedAgain) {
  const auto cast = [](std::uint64_t seed) {
    return CastRows({format("fp32"), false, format("bf16"), numerics::Rounding::kStochastic, seed, false}, 0);
  };
  constexpr int kRows = 20'000;
  std::string cells;
  for (int i = 0; i < kRows; ++i) {
    cells += "3f804000\n";
  }
  const std::string rounded = cast_cells(cast(7), cells);
  int up = 0;
  for (std::size_t i = 0; i < rounded.size(); i += 5) {
    const std::string code = rounded.substr(i, 4);
    ASSERT_TRUE(code == "3f80" || code == "3f81") << code;
    up += code == "3f81" ? 1 : 0;
  }
  const double sigma = std::sqrt(kRows * 0.25 * 0.75);
  EXPECT_NEAR(up, kRows * 0.25, 5 * sigma);
  EXPECT_EQ(rounded, cast_cells(cast(7), cells));
  EXPECT_NE(rounded, cast_cells(cast(8), cells));
}

// MXFP4: amax 6 gives the scale 2^(2-2) = 1 (code 127); 0.3 is nearest to 0.5, 5 lies between 4 and 6 and goes to even.
TEST(Cast, WritesBlocksWithTheirScales) {
  const auto mxfp4 = *numerics::find_block_format("mxfp4");
  Cast from;
  from.from = format("fp32");
  EXPECT_EQ(cast_cells(BlockCastRows(from, mxfp4, 1.0F, 0), "40c000003e99999a40a00000bf800000\n"), "7f0701060a\n");
  std::string long_cell;
  for (int i = 0; i < 33; ++i) {
    long_cell += i < 32 ? "3f800000" : "41400000";  // 1, and 12 alone in the second block: scale 2^(3-2), element 6
  }
  std::string expected = "7d";  // 2^(0-2): 1 is 4 * 2^-2
  for (int i = 0; i < 32; ++i) {
    expected += "06";
  }
  EXPECT_EQ(cast_cells(BlockCastRows(from, mxfp4, 1.0F, 0), long_cell + "\n"), expected + "8007\n");
}

TEST(ColumnMeaning, ComesFromTheName) {
  const auto sat = column_meaning("e4m3fn_sat");
  ASSERT_TRUE(sat);
  EXPECT_EQ(sat->format.name, "e4m3");
  EXPECT_EQ(sat->overflow, numerics::Overflow::kSaturate);
  EXPECT_TRUE(sat->keep_infinity);
  EXPECT_EQ(column_meaning("tf32_rna")->rounding, numerics::Rounding::kNearestAway);
  EXPECT_FALSE(column_meaning("fp16")->rounding);
  EXPECT_FALSE(column_meaning("code"));
  EXPECT_FALSE(column_meaning("value_f32_bits"));
}

}  // namespace
}  // namespace mantissa::study
