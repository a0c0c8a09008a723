#include "costing/comparison.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace bellwether::costing {
namespace {

Money usd(const char* text) { return parse_money(text).value(); }
Date date(const char* text) { return parse_date(text).value(); }

Candidate candidate(const char* price) { return {.name = price, .tariff = {.price = std::get<metering::Price>(parse_price(price))}}; }

Question asked(std::int64_t input, std::int64_t output, const char* stated, const char* price) {
  Question question{.own = Stated{parse_amount(stated).value()}, .candidates = {candidate(price)}, .today = date("2026-11-25")};
  question.volume.value = question.volume.low = question.volume.high = {.input = input, .cached = 0, .output = output};
  return question;
}

Scenario scenario(const std::string& toml) {
  auto read = read_scenario(toml, "s.toml", Won::have_none);
  if (const auto* problems = std::get_if<std::vector<config::Problem>>(&read)) ADD_FAILURE() << config::to_text(problems->front());
  return std::get<Scenario>(std::move(read));
}

Question asked(std::int64_t input, std::int64_t output, Scenario own, const char* price) {
  Question question = asked(input, output, "1", price);
  question.own = std::move(own);
  return question;
}

Comparison made(Question question) { return compare(std::move(question)).value(); }

const Finding* find(const Comparison& comparison, FindingKind kind) {
  const auto found = std::ranges::find(comparison.findings, kind, &Finding::kind);
  return found == comparison.findings.end() ? nullptr : &*found;
}

constexpr std::int64_t million = 1'000'000, billion = 1'000 * million;

TEST(Comparison, TheGuidesCaseComesOutToTheCent) {
  const Comparison comparison = made(asked(100 * million, 50 * million, "500..750", "0.42"));
  const Row& row = comparison.rows.front();
  EXPECT_EQ(row.monthly, (Span{usd("63"), usd("63"), usd("63")}));
  EXPECT_EQ(row.saved.low, usd("437"));
  EXPECT_EQ(row.saved.high, usd("687"));
  EXPECT_EQ(row.saved_tenths_low, 874);
  EXPECT_EQ(row.saved_tenths_high, 916);
  EXPECT_EQ(comparison.verdict, Verdict::move);
}

TEST(Comparison, SaysOfTheGuidesCaseWhatTheGuideDoesNot) {
  const Comparison comparison = made(asked(100 * million, 50 * million, "500..750", "0.42"));
  const Finding* rent = find(comparison, FindingKind::stated_below_rent);
  ASSERT_NE(rent, nullptr);
  EXPECT_EQ(rent->figures[1], "$14,600");
  EXPECT_EQ(rent->figures[3], "5.1");
  EXPECT_EQ(rent->figures[5], "5,840");
  const Finding* weights = find(comparison, FindingKind::reference_does_not_fit);
  ASSERT_NE(weights, nullptr);
  EXPECT_EQ(weights->figures, (std::vector<std::string>{"DeepSeek-V3", "FP8", "641–720", "640"}));
  EXPECT_EQ(find(comparison, FindingKind::idle)->figures, (std::vector<std::string>{"57", "1,000–5,000", "94.3–98.9"}));
}

TEST(Comparison, AStatedCostThatBuysANodeIsNotDoubted) {
  EXPECT_EQ(find(made(asked(100 * million, 50 * million, "14600..20440", "0.42")), FindingKind::stated_below_rent), nullptr);
}

TEST(Comparison, StayingWinsWhereItIsCheaper) {
  const Comparison comparison = made(asked(100 * billion, 50 * billion, "14600..20440", "input=0.28,output=0.42"));
  EXPECT_EQ(comparison.verdict, Verdict::stay);
  EXPECT_EQ(comparison.rows.front().monthly.value, usd("49000"));
  EXPECT_EQ(comparison.rows.front().saved.high, Money{usd("20440").nano_usd - usd("49000").nano_usd});
  EXPECT_LT(comparison.rows.front().saved_tenths_high.value(), 0);
}

TEST(Comparison, SunkGpusWithMuchTrafficStay) {
  const Scenario own = scenario(
      "model = \"deepseek-v3\"\n[node]\ngpus = 8\ngpu = \"H200\"\ntokens_per_second = 20000\nutilisation = \"80%\"\n[purchase]\nper_node = "
      "\"336000\"\nresidual = \"25%\"\nsunk = true\n"
      "[power]\nper_kwh = \"0.13\"\n[staff]\nhours = 16\nper_hour = \"60\"\n");
  const Comparison comparison = made(asked(20 * billion, 10 * billion, own, "input=0.28,cached_input=0.028,output=0.42"));
  EXPECT_EQ(comparison.verdict, Verdict::stay);
  EXPECT_NE(find(comparison, FindingKind::sunk), nullptr);
  Scenario counted = own;
  counted.purchase->capital = Capital::counted;
  const Comparison other = made(asked(20 * billion, 10 * billion, counted, "input=0.28,cached_input=0.028,output=0.42"));
  EXPECT_EQ((other.own.monthly.value - comparison.own.monthly.value), usd("7000"));  // 336,000 × 75 % ÷ 36.
}

TEST(Comparison, AVerdictMustHoldAtBothEnds) {
  EXPECT_EQ(made(asked(100 * million, 50 * million, "50..750", "0.42")).verdict, Verdict::undecided);
  EXPECT_EQ(made(asked(100 * million, 50 * million, "63..750", "0.42")).verdict, Verdict::undecided);
  EXPECT_EQ(made(asked(100 * million, 50 * million, "63.01..750", "0.42")).verdict, Verdict::move);
  Question question = asked(100 * million, 50 * million, "100", "0.42");
  question.volume.high = {.input = 200 * million, .cached = 0, .output = 100 * million};
  EXPECT_EQ(made(question).verdict, Verdict::undecided);
}

TEST(Comparison, BreaksEvenWhereBothCostTheSame) {
  const Comparison comparison = made(asked(100 * million, 50 * million, "500..750", "0.42"));
  const BreakEven& even = comparison.rows.front().break_even.value();
  EXPECT_EQ(even.low, 1'190'476'190);
  EXPECT_EQ(even.high, 1'785'714'285);
  const Question there = with_total(comparison.question, even.value.value());
  EXPECT_NEAR(static_cast<double>(hosted_cost(there, comparison.rows.front().candidate).value.nano_usd), static_cast<double>(usd("625").nano_usd), 1e3);
}

// The reference's table: V3.2 at 0.28/0.42, in:out 2:1, against a node of 14,600 $ and of 20,440 $.
TEST(Comparison, BreakEvenAgreesWithTheReference) {
  const Comparison comparison = made(asked(100 * million, 50 * million, "14600..20440", "input=0.28,output=0.42"));
  const BreakEven& even = comparison.rows.front().break_even.value();
  EXPECT_EQ(even.low.value() / (billion / 10), 446);  // 44.7 B in the table, of a rounded 0.327.
  EXPECT_EQ(even.high.value() / (billion / 10), 625);
}

TEST(Comparison, ANodeThatIsDearerEvenWhenFullNeverBreaksEven) {
  const Scenario own = scenario("[node]\ntokens_per_second = 2500\n[rent]\nper_gpu_hour = \"2.50\"\n");
  EXPECT_EQ(made(asked(100 * million, 50 * million, own, "0.42")).rows.front().break_even->value, std::nullopt);
  const Scenario fast = scenario("[node]\ntokens_per_second = 40000\n[rent]\nper_gpu_hour = \"2.50\"\n");
  const auto even = made(asked(100 * million, 50 * million, fast, "0.42")).rows.front().break_even->value;
  EXPECT_EQ(even, 34'761'904'761);  // 14,600 ÷ 0.42, within the first node's 63 B.
}

TEST(Comparison, TheStaircaseIsClimbedToTheStepThatPays) {
  // One node serves 13.1 B at 60 %: too few to pay for it and the staff. Two share the staff.
  const Scenario own = scenario("[node]\ntokens_per_second = 8333\n[rent]\nper_gpu_hour = \"0.85\"\n[staff]\nhours = 20\nper_hour = \"60\"\n");
  const Comparison comparison = made(asked(10 * billion, 5 * billion, own, "0.42"));
  const auto even = comparison.rows.front().break_even->value;
  ASSERT_TRUE(even.has_value());
  EXPECT_GE(saving(with_total(comparison.question, *even - 1'000'000'000), comparison.rows.front().candidate),
            saving(with_total(comparison.question, *even), comparison.rows.front().candidate) - usd("500"));
  EXPECT_LE(std::abs(saving(with_total(comparison.question, *even), comparison.rows.front().candidate).nano_usd), usd("1").nano_usd);
}

TEST(Comparison, Fp8WeightsDoNotFitEightTimesEighty) {
  const Scenario own = scenario("model = \"deepseek-ai/DeepSeek-V3\"\n[node]\ngpus = 8\ngpu = \"H100\"\n[rent]\nper_gpu_hour = \"2.35\"\n");
  const Comparison comparison = made(asked(100 * million, 50 * million, own, "0.42"));
  const Finding* finding = find(comparison, FindingKind::weights_do_not_fit);
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(finding->severity, Severity::cannot_be);
  EXPECT_EQ(comparison.findings.front().kind, FindingKind::weights_do_not_fit);
  EXPECT_EQ(comparison.own.nodes.paid, 2);
  EXPECT_EQ(comparison.own.monthly.value, usd("27448"));  // 16 × 730 × 2.35.
}

TEST(Comparison, Fp8WeightsFitEightH200) {
  const Scenario own = scenario("model = \"deepseek-v3\"\n[node]\ngpu = \"H200\"\n[rent]\nper_gpu_hour = \"2.50..3.50\"\n");
  const Comparison comparison = made(asked(100 * million, 50 * million, own, "0.42"));
  EXPECT_EQ(find(comparison, FindingKind::weights_do_not_fit), nullptr);
  EXPECT_EQ(find(comparison, FindingKind::weights_barely_fit), nullptr);
  EXPECT_EQ(comparison.own.monthly.low, usd("14600"));
  EXPECT_EQ(comparison.own.monthly.high, usd("20440"));
}

TEST(Comparison, OtherWeightsAreAnotherQuality) {
  const Scenario own = scenario("model = \"deepseek-v3\"\nprecision = \"int4\"\n[node]\ngpu = \"H100\"\n[rent]\nper_gpu_hour = \"2.35\"\n");
  const Comparison comparison = made(asked(100 * million, 50 * million, own, "0.42"));
  EXPECT_EQ(find(comparison, FindingKind::weights_do_not_fit), nullptr);
  EXPECT_NE(find(comparison, FindingKind::other_precision), nullptr);
}

TEST(Comparison, MoreTokensThanANodeServesAreCalledSoAndPaidFor) {
  const Scenario own = scenario("[node]\ntokens_per_second = 2500\nspares = 1\n[rent]\nper_gpu_hour = \"1\"\n");
  const Comparison comparison = made(asked(8 * billion, 4 * billion, own, "0.42"));
  const Finding* finding = find(comparison, FindingKind::too_many_tokens);
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(comparison.own.nodes.for_load, 4);  // 4,566 tokens/s at 1,500 each.
  EXPECT_EQ(comparison.own.nodes.paid, 5);
  EXPECT_EQ(comparison.own.monthly.value, usd("29200"));
}

TEST(Comparison, APeakMayTakeMoreNodesThanTheMean) {
  Question question = asked(100 * million, 50 * million, scenario("[node]\ntokens_per_second = 2500\n[rent]\nper_gpu_hour = \"1\"\n"), "0.42");
  question.volume.peak_tokens_per_second = 6000;
  EXPECT_EQ(made(question).own.nodes.for_load, 3);
}

TEST(Comparison, AnIdleNodeIsNotCheaper) {
  const Scenario own = scenario("[node]\ntokens_per_second = 2500\n[rent]\nper_gpu_hour = \"2.50\"\n");
  Money before{};
  for (const std::int64_t tokens : {std::int64_t{0}, million, 100 * million, billion, 10 * billion, 100 * billion}) {
    const Money now = made(asked(tokens, tokens / 2, own, "0.42")).own.monthly.value;
    EXPECT_GE(now, before);
    before = now;
  }
}

TEST(Comparison, NoTokensCostNothingHostedAndTheFixedSumHere) {
  const Comparison comparison = made(asked(0, 0, "500..750", "0.42"));
  EXPECT_EQ(comparison.rows.front().monthly.value, Money{});
  EXPECT_EQ(comparison.verdict, Verdict::move);
  EXPECT_FALSE(comparison.rows.front().break_even.has_value());
}

TEST(Comparison, OldPricesAreCalledOld) {
  Question question = asked(100 * million, 50 * million, "500..750", "0.42");
  question.candidates.front().checked = date("2026-09-26");
  EXPECT_EQ(find(made(question), FindingKind::price_unchecked), nullptr);  // 60 days.
  question.candidates.front().checked = date("2026-09-25");
  EXPECT_NE(find(made(question), FindingKind::price_unchecked), nullptr);
  question.candidates.front().valid_to = parse_instant("2026-11-24T00:00:00Z");
  EXPECT_EQ(find(made(question), FindingKind::price_expired)->severity, Severity::cannot_be);
}

TEST(Comparison, APriceThatEndedDecidesNothing) {
  Question question = asked(100 * million, 50 * million, "500..750", "0.42");
  question.candidates.front().valid_to = parse_instant("2026-11-24T00:00:00Z");
  EXPECT_EQ(made(question).verdict, Verdict::undecided);
}

TEST(Comparison, AmountsBeyondMoneyAreRefused) { EXPECT_FALSE(compare(asked(tokens_max, tokens_max, "500", "999")).has_value()); }

TEST(Sensitivity, TheWidestComesFirstAndRangesAreTheGivenOnes) {
  const Comparison comparison = made(asked(100 * million, 50 * million, "500..750", "0.42"));
  ASSERT_GE(comparison.swings.size(), 3u);
  EXPECT_EQ(comparison.swings.front().input, Input::stated_cost);
  EXPECT_EQ(comparison.swings.front().saving_low, usd("437"));
  EXPECT_EQ(comparison.swings.front().saving_high, usd("687"));
  EXPECT_TRUE(std::ranges::is_sorted(comparison.swings, std::greater{}, &Swing::width));
  for (const Swing& swing : comparison.swings) EXPECT_NE(swing.input, Input::output_share) << "a flat price does not care";
}

TEST(Sensitivity, HostedPriceIsHalvedAndDoubled) {
  const Comparison comparison = made(asked(100 * million, 50 * million, "625", "0.42"));
  const auto swing = std::ranges::find(comparison.swings, Input::hosted_price, &Swing::input);
  ASSERT_NE(swing, comparison.swings.end());
  EXPECT_EQ(swing->saving_low, usd("593.5"));
  EXPECT_EQ(swing->saving_high, usd("499"));
}

TEST(Comparison, SavingsHaveTheSignOfTheDifferenceWhateverIsAsked) {
  std::mt19937_64 random{4};
  const auto up_to = [&](std::uint64_t max) { return static_cast<std::int64_t>(random() % max); };
  for (int i = 0; i < 300; ++i) {
    const Money low{up_to(30'000'000'000'000)};
    Question question = asked(up_to(100'000'000'000), up_to(50'000'000'000), "1", "input=0.28,cached_input=0.028,output=0.42");
    question.own = Stated{{.low = low, .high = Money{low.nano_usd + up_to(10'000'000'000'000)}}};
    const Comparison comparison = made(question);
    const Row& row = comparison.rows.front();
    EXPECT_EQ(row.saved.value, comparison.own.monthly.value - row.monthly.value);
    EXPECT_LE(row.saved.low, row.saved.value);
    EXPECT_LE(row.saved.value, row.saved.high);
    EXPECT_EQ(row.verdict == Verdict::move, row.monthly.high < comparison.own.monthly.low);
    EXPECT_EQ(row.verdict == Verdict::stay, row.monthly.low > comparison.own.monthly.high);
  }
}

}  // namespace
}  // namespace bellwether::costing
