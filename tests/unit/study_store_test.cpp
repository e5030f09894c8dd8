// SPDX-License-Identifier: Apache-2.0
// The store: what goes in comes out, whatever it is; files that are none are refused; merging loses and invents
// nothing.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "base/error.h"
#include "study/store.h"
#include "support/files.h"

namespace mantissa::study {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Mode = Store::Mode;

report::SweepResult head() {
  report::SweepResult h;
  h.title = "A title";
  h.keys = {{"chip.clock_mhz", false}, {"label", true}};
  h.latency = h.accuracy = true;
  h.objectives = {"latency_s"};
  h.version = "1";
  return h;
}

report::SweepRow row(std::size_t position, double latency) {
  report::SweepRow r{"chip", "net", "int8", {std::to_string(position), "a \"quoted\", b\n"}, {}, ""};
  r.position = position;
  r.measured.batch = 3;
  r.measured.timing = report::SweepMeasurements::Timing{latency, 1 / 3.0, 1e-300, -0.0, 4};
  return r;
}

template <class F>
std::string refusal(F&& f) {
  try {
    f();
  } catch (const UsageError& e) {
    return e.what();
  }
  return "no error";
}

TEST(Store, GivesBackEveryNumberAsItWas) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path() + "/a.db";
  report::SweepRow r = row(7, 0.1);
  report::AccuracyResult a;
  a.metric = report::AccuracyResult::Metric::kPerplexity;
  a.top1_reference = 0.1, a.top1 = 0.2, a.images = 4, a.difference = 0.3, a.difference_low = 0.4;
  a.difference_high = 0.5, a.mcnemar_p = 0.6, a.sequences = 5, a.tokens = 6, a.perplexity_reference = 7.5;
  a.perplexity = std::numeric_limits<double>::infinity();
  a.nats_difference = std::numeric_limits<double>::quiet_NaN(), a.nats_low = -8.5, a.nats_high = 9.5;
  r.measured.accuracy = a;
  r.measured.output_sqnr_db = -std::numeric_limits<double>::infinity();
  r.area_mm2 = 123.456;
  {
    Store store(path, Mode::kWrite);
    store.begin("s", head(), "d");
    const Store::Member members[] = {{"k", r}};
    store.add("s", members);
  }
  EXPECT_FALSE(std::filesystem::exists(path + "-wal"));
  const report::SweepResult got = Store(path, Mode::kReadOnly).load("");
  EXPECT_EQ(got.title, "A title");
  EXPECT_EQ(got.version, "1");
  EXPECT_TRUE(got.latency && got.accuracy && !got.energy);
  EXPECT_THAT(got.objectives, ElementsAre("latency_s"));
  ASSERT_EQ(got.keys.size(), 2u);
  EXPECT_TRUE(got.keys[1].name == "label" && got.keys[1].detail && !got.keys[0].detail);
  ASSERT_EQ(got.rows.size(), 1u);
  const report::SweepRow& g = got.rows[0];
  EXPECT_EQ(g.position, 7u);
  EXPECT_EQ(g.chip + g.workload + g.precision + g.error, "chipnetint8");
  EXPECT_EQ(g.values, r.values);
  EXPECT_EQ(g.area_mm2, 123.456);
  EXPECT_EQ(g.measured.batch, 3);
  EXPECT_EQ(g.measured.timing->latency_s, 0.1);
  EXPECT_EQ(g.measured.timing->inputs_per_s, 1 / 3.0);
  EXPECT_EQ(g.measured.timing->clock_mhz, 1e-300);
  EXPECT_TRUE(std::signbit(g.measured.timing->energy_per_input_j));
  EXPECT_EQ(g.measured.timing->average_power_w, 4);
  const report::AccuracyResult& b = *g.measured.accuracy;
  EXPECT_EQ(b.metric, a.metric);
  EXPECT_THAT((std::vector<double>{b.top1_reference, b.top1, b.difference, b.difference_low, b.difference_high,
                                   b.mcnemar_p, b.perplexity_reference, b.perplexity, b.nats_low, b.nats_high}),
              ElementsAre(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 7.5, a.perplexity, -8.5, 9.5));
  EXPECT_THAT((std::vector<std::int64_t>{b.images, b.sequences, b.tokens}), ElementsAre(4, 5, 6));
  EXPECT_TRUE(std::isnan(b.nats_difference));
  EXPECT_EQ(g.measured.output_sqnr_db, r.measured.output_sqnr_db);
}

TEST(Store, RowsComeByPositionAndResultsReplaceErrorsOnly) {
  Store store("", Mode::kWrite);
  store.begin("s", head(), "d");
  report::SweepRow failed = row(2, 0);
  failed.error = "broke";
  const Store::Member first[] = {{"c", row(9, 1)}, {"b", failed}};
  store.add("s", first);
  EXPECT_EQ(store.find("b")->error, "broke");
  EXPECT_FALSE(store.contains("a"));
  const Store::Member second[] = {{"b", row(2, 5)}, {"c", row(9, 77)}, {"b", row(3, 0), false}};
  store.add("s", second);
  const auto rows = store.load("s").rows;
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].measured.timing->latency_s, 5);
  EXPECT_EQ(rows[1].measured.timing->latency_s, 5);
  EXPECT_EQ(rows[2].measured.timing->latency_s, 1);  // not 77
}

TEST(Store, AnotherDefinitionStartsTheListAnewButKeepsThePoints) {
  Store store("", Mode::kWrite);
  store.begin("s", head(), "d");
  const Store::Member members[] = {{"a", row(0, 1)}};
  store.add("s", members);
  store.begin("s", head(), "d");
  EXPECT_EQ(store.load("s").rows.size(), 1u);
  store.begin("s", head(), "other");
  EXPECT_EQ(store.load("s").rows.size(), 0u);
  EXPECT_TRUE(store.contains("a"));
}

TEST(Store, RefusesFilesThatAreNone) {
  const test::TemporaryFolder folder;
  const std::string text = folder.write("text.db", std::string(5000, 'x'));
  const std::string foreign = folder.path() + "/foreign.db";
  sqlite3* handle = nullptr;
  sqlite3_open(foreign.c_str(), &handle);
  sqlite3_exec(handle, "CREATE TABLE t(x)", nullptr, nullptr, nullptr);
  sqlite3_close(handle);
  for (const Mode mode : {Mode::kReadOnly, Mode::kWrite}) {
    EXPECT_THAT(refusal([&] { Store(text, mode); }), HasSubstr("a file of another kind"));
    EXPECT_THAT(refusal([&] { Store(foreign, mode); }), HasSubstr("a database of another program"));
    EXPECT_THAT(refusal([&] { Store(folder.path(), mode); }), HasSubstr("is a folder, not a file"));
  }
  EXPECT_EQ(test::read_file(text), std::string(5000, 'x'));
  EXPECT_THAT(refusal([&] { Store(folder.path() + "/none.db", Mode::kReadOnly); }), HasSubstr("there is no file"));
  EXPECT_THAT(refusal([&] { Store(folder.path() + "/no/folder.db", Mode::kWrite); }), HasSubstr("cannot write to"));
  EXPECT_THAT(refusal([&] { Store(folder.write("empty.db", ""), Mode::kReadOnly); }), HasSubstr("is empty"));
}

TEST(Store, RefusesADamagedFile) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path() + "/a.db";
  {
    Store store(path, Mode::kWrite);
    store.begin("s", head(), "d");
    std::vector<Store::Member> members;
    for (std::size_t i = 0; i < 500; ++i) {
      members.push_back({"key" + std::to_string(i), row(i, 1)});
    }
    store.add("s", members);
  }
  std::string bytes = test::read_file(path);
  ASSERT_GT(bytes.size(), 40'000u);
  std::fill(bytes.begin() + 16'000, bytes.begin() + 30'000, '\xa5');
  folder.write("b.db", bytes);
  EXPECT_THAT(refusal([&] { Store(folder.path() + "/b.db", Mode::kReadOnly); }), HasSubstr("is damaged"));
  folder.write("c.db", test::read_file(path).substr(0, 20'000));
  EXPECT_THAT(refusal([&] { Store(folder.path() + "/c.db", Mode::kReadOnly).load(""); }), HasSubstr("is damaged"));
}

TEST(Store, IsWrittenByOneProcessAtATime) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path() + "/a.db";
  int ready[2], end[2];
  ASSERT_EQ(pipe(ready) + pipe(end), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    const Store store(path, Mode::kWrite);
    char c = 'r';
    [[maybe_unused]] const auto sent = write(ready[1], &c, 1);
    close(end[1]);
    [[maybe_unused]] const auto got = read(end[0], &c, 1);
    _exit(0);
  }
  char c = 0;
  ASSERT_EQ(read(ready[0], &c, 1), 1);
  EXPECT_THAT(refusal([&] { Store(path, Mode::kWrite); }), HasSubstr("is being written by another mantissa"));
  EXPECT_NO_THROW(Store(path, Mode::kReadOnly));
  close(end[1]);
  waitpid(pid, nullptr, 0);
  EXPECT_NO_THROW(Store(path, Mode::kWrite));
}

TEST(Store, MergeAddsWhatIsMissingAndRefusesContradictions) {
  const test::TemporaryFolder folder;
  const auto file = [&](const std::string& name, const std::string& definition, std::vector<Store::Member> members) {
    Store store(folder.path() + "/" + name, Mode::kWrite);
    store.begin("s", head(), definition);
    store.add("s", members);
    return folder.path() + "/" + name;
  };
  report::SweepRow failed = row(1, 0);
  failed.error = "broke";
  const std::string a = file("a.db", "d", {{"k0", row(0, 1)}, {"k1", failed}});
  const std::string b = file("b.db", "d", {{"k1", row(1, 2)}, {"k2", row(2, 3)}});
  const std::string wrong = file("wrong.db", "d", {{"k0", row(0, 99)}});
  const std::string edited = file("edited.db", "e", {{"k5", row(0, 1)}});
  Store all(folder.path() + "/all.db", Mode::kWrite);
  for (const std::string& part : {b, a, b}) {
    all.merge(Store(part, Mode::kReadOnly));
  }
  const auto rows = all.load("s").rows;
  ASSERT_EQ(rows.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(rows[i].error, "");
    EXPECT_EQ(rows[i].measured.timing->latency_s, static_cast<double>(i + 1));
  }
  EXPECT_THAT(refusal([&] { all.merge(Store(wrong, Mode::kReadOnly)); }), HasSubstr("different results"));
  EXPECT_THAT(refusal([&] { all.merge(Store(edited, Mode::kReadOnly)); }), HasSubstr("is not that of"));
  EXPECT_EQ(all.load("s").rows[0].measured.timing->latency_s, 1);
}

TEST(Store, NamesItsSweepsWhereOneMustBeChosen) {
  Store store("", Mode::kWrite);
  EXPECT_THAT(refusal([&] { store.load(""); }), HasSubstr("holds no sweep"));
  store.begin("x", head(), "d");
  store.begin("a", head(), "d");
  EXPECT_THAT(store.sweeps(), ElementsAre("a", "x"));
  EXPECT_THAT(refusal([&] { store.load(""); }), HasSubstr("several sweeps: a, x"));
  EXPECT_THAT(refusal([&] { store.load("y"); }), HasSubstr("no sweep 'y'"));
}

}  // namespace
}  // namespace mantissa::study
