#include "doctor/judge.h"

#include <gtest/gtest.h>

namespace bellwether::doctor {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

const WallTime now{seconds(1'800'000'000)};

UpstreamFacts answering() {
  return {.stage = UpstreamFacts::Stage::done,
          .name = "a",
          .address = "http://a:1/v1",
          .status = 200,
          .has_key = true,
          .listed = true,
          .models = {"deepseek-ai/DeepSeek-V3"},
          .wanted = {"deepseek-ai/DeepSeek-V3"}};
}

TEST(ExitCode, PutsAnInvalidConfigFirstAndUpstreamsLast) {
  std::vector<Check> checks{ok("a", ""), warning("b", "", "")};
  EXPECT_EQ(exit_code_of(checks), 0);
  checks.push_back(failed("u", "", "", Trouble::upstream));
  EXPECT_EQ(exit_code_of(checks), 5);
  checks.push_back(failed("p", "", ""));
  EXPECT_EQ(exit_code_of(checks), 1);
  checks.push_back(failed("c", "", "", Trouble::config));
  EXPECT_EQ(exit_code_of(checks), 3);
}

TEST(JudgePort, IsFineWhereOursListens) {
  EXPECT_EQ(judge_port({.purpose = "p", .address = "x", .free = true}).status, Status::ok);
  EXPECT_EQ(judge_port({.purpose = "p", .address = "x", .ours = true, .trouble = "taken"}).status, Status::ok);
  EXPECT_EQ(judge_port({.purpose = "p", .address = "x", .trouble = "taken"}).status, Status::failed);
  EXPECT_NE(judge_port({.purpose = "p", .address = "x", .denied = "no"}).remedy.find("CAP_NET_BIND_SERVICE"), std::string::npos);
}

TEST(JudgeOpenFiles, WarnsBelowWhatCanBeUsedAndFailsBelowTheLeast) {
  EXPECT_EQ(judge_open_files({.allowed = 4096, .wanted = 4096, .least = 512}).status, Status::ok);
  const Check few = judge_open_files({.allowed = 1024, .wanted = 4096, .least = 512});
  EXPECT_EQ(few.status, Status::warning);
  EXPECT_NE(few.remedy.find("LimitNOFILE=4096"), std::string::npos);
  EXPECT_EQ(judge_open_files({.allowed = 511, .wanted = 4096, .least = 512}).status, Status::failed);
}

TEST(JudgeCertificate, FollowsItsDates) {
  const auto judged = [](Duration from, Duration to) {
    return judge_certificate({.file = "c.pem",
                              .subject = "/CN=x",
                              .not_before = now + std::chrono::duration_cast<WallTime::duration>(from),
                              .not_after = now + std::chrono::duration_cast<WallTime::duration>(to),
                              .chain = 2},
                             now)
        .status;
  };
  EXPECT_EQ(judged(-hours(1), hours(24 * 90)), Status::ok);
  EXPECT_EQ(judged(-hours(1), hours(24 * 20)), Status::warning);
  EXPECT_EQ(judged(-hours(1), Duration{}), Status::failed);
  EXPECT_EQ(judged(hours(1), hours(24 * 90)), Status::failed);
  EXPECT_EQ(judge_certificate({.file = "c", .trouble = "no such file"}, now).status, Status::failed);
}

TEST(JudgeDataFolder, TellsModeSpaceAndSync) {
  DataFolderFacts facts{.path = "/d",
                        .exists = true,
                        .mode = 040700,
                        .free_bytes = std::uint64_t{50} << 30,
                        .total_bytes = std::uint64_t{100} << 30,
                        .sync_middle = milliseconds(1),
                        .sync_worst = milliseconds(3)};
  for (const Check& check : judge_data_folder(facts)) EXPECT_EQ(check.status, Status::ok) << check.text;
  facts.mode = 040755;
  facts.free_bytes = std::uint64_t{500} << 20;
  facts.sync_middle = milliseconds(30);
  for (const Check& check : judge_data_folder(facts)) EXPECT_EQ(check.status, Status::warning) << check.text;
  facts.free_bytes = 1;
  EXPECT_EQ(judge_data_folder(facts)[1].status, Status::failed);
  EXPECT_EQ(judge_data_folder({.path = "/d", .parent_writable = false})[0].status, Status::failed);
  EXPECT_EQ(judge_data_folder({.path = "/d"})[0].status, Status::ok);
}

TEST(JudgeUpstream, NamesTheStepThatFailed) {
  UpstreamFacts facts{.stage = UpstreamFacts::Stage::tls, .name = "a", .address = "x", .trouble = "self-signed certificate"};
  const Check check = judge_upstream(facts).front();
  EXPECT_EQ(check.status, Status::failed);
  EXPECT_EQ(check.trouble, Trouble::upstream);
  EXPECT_NE(check.remedy.find("SSL_CERT_FILE"), std::string::npos);
  facts.trouble = "TLS: wrong version number";
  EXPECT_NE(judge_upstream(facts).front().remedy.find("does it speak TLS"), std::string::npos);
  facts.stage = UpstreamFacts::Stage::reply;
  facts.trouble = "timed out before the reply's head";
  EXPECT_NE(judge_upstream(facts).front().remedy.find("does not answer"), std::string::npos);
}

TEST(JudgeUpstream, TellsARefusedKeyFromAMissingOne) {
  UpstreamFacts facts = answering();
  facts.status = 401;
  EXPECT_NE(judge_upstream(facts)[0].text.find("our key is not accepted"), std::string::npos);
  facts.has_key = false;
  EXPECT_NE(judge_upstream(facts)[0].text.find("it wants a key"), std::string::npos);
  facts.key_untried = true;
  EXPECT_EQ(judge_upstream(facts)[0].status, Status::ok);
}

TEST(JudgeUpstream, NamesTheNearestModel) {
  UpstreamFacts facts = answering();
  EXPECT_EQ(judge_upstream(facts).back().status, Status::ok);
  facts.wanted = {"deepseek-ai/DeepSeek-V33"};
  const Check check = judge_upstream(facts).back();
  EXPECT_EQ(check.status, Status::failed);
  EXPECT_NE(check.text.find("nearest is deepseek-ai/DeepSeek-V3)"), std::string::npos);
}

TEST(JudgeClock, BlamesOursWhereAllDiffer) {
  UpstreamFacts a = answering(), b = answering();
  EXPECT_EQ(judge_clock({a}).status, Status::ok);
  a.clock_ahead = seconds(2);
  b.clock_ahead = seconds(-3);
  EXPECT_EQ(judge_clock({a, b}).status, Status::ok);
  a.clock_ahead = b.clock_ahead = seconds(90);
  EXPECT_NE(judge_clock({a, b}).remedy.find("this machine's clock"), std::string::npos);
  b.clock_ahead = seconds(0);
  EXPECT_NE(judge_clock({a, b}).text.find("a is 90 s ahead of us"), std::string::npos);
}

TEST(Table, ShowsNoControlCharactersOfAnUpstream) {
  const std::vector<Check> checks{failed("a", "b\x1b[31m\nc", "d")};
  const std::string table = to_table(checks);
  EXPECT_EQ(table.find('\x1b'), std::string::npos);
  EXPECT_NE(table.find("1 checks: 0 ok, 0 warning(s), 1 failed"), std::string::npos);
}

}  // namespace
}  // namespace bellwether::doctor
