// What the pages are made of: words in two languages, scales, escaping. The pages as a whole are looked at in a browser (tests/e2e/test_report_pages.py).
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <set>
#include <string>

#include "report/markup.h"
#include "report/scale.h"
#include "report/words.h"

namespace bellwether::report {
namespace {

/// Which figures a template takes, by number.
std::multiset<std::size_t> figures_of(std::string_view text) {
  std::multiset<std::size_t> found;
  std::size_t next = 0;
  for (std::size_t i = 0; (i = text.find('{', i)) != std::string_view::npos; ++i) {
    if (text.substr(i, 2) == "{}") found.insert(next++);
    else if (text.size() > i + 2 && text[i + 2] == '}') found.insert(static_cast<std::size_t>(text[i + 1] - '0'));
  }
  return found;
}

TEST(Words, BothLanguagesSayEverythingWithTheSameFigures) {
  // All that Words holds are texts.
  using All = std::array<std::string_view, sizeof(Words) / sizeof(std::string_view)>;
  const All english_ones = std::bit_cast<All>(english()), korean_ones = std::bit_cast<All>(korean());
  for (std::size_t i = 0; i < english_ones.size(); ++i) {
    EXPECT_FALSE(english_ones[i].empty()) << i;
    EXPECT_FALSE(korean_ones[i].empty()) << english_ones[i];
    EXPECT_EQ(figures_of(english_ones[i]), figures_of(korean_ones[i])) << english_ones[i] << "\n" << korean_ones[i];
  }
}

TEST(Words, ALocaleNamesTheLanguage) {
  EXPECT_EQ(words_for("ko_KR.UTF-8").code, "ko");
  EXPECT_EQ(words_for("ko").code, "ko");
  EXPECT_EQ(words_for("C").code, "en");
  EXPECT_EQ(words_for("").code, "en");
}

TEST(Fill, PutsFiguresInPlaceAndLeavesOutWhatIsNotThere) {
  EXPECT_EQ(fill("{} of {}", {"1", "2"}), "1 of 2");
  EXPECT_EQ(fill("{1} before {0}", {"a", "b"}), "b before a");
  EXPECT_EQ(fill("{} and {}", {"{0}"}), "{0} and ");
  EXPECT_EQ(fill("a { b", {"x"}), "a { b");
}

TEST(Escape, NamesAreTextAndBytesAreUtf8) {
  EXPECT_EQ(escape("<a href=\"x\">'&"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
  EXPECT_EQ(escape("양 🐑"), "양 🐑");
  EXPECT_EQ(escape("a\xff"
                   "b"),
            "a\xEF\xBF\xBD"
            "b");
}

TEST(Scale, PlacesFiguresAndPicksRoundOnes) {
  const Scale linear{Spacing::linear, 0, 100, 10, 210};
  EXPECT_DOUBLE_EQ(linear.at(50), 110);
  EXPECT_DOUBLE_EQ(linear.at(-5), 10);
  EXPECT_EQ(linear.ticks(4), (std::vector<double>{0, 50, 100}));
  const Scale powers{Spacing::logarithmic, 10, 1e7, 0, 6};
  EXPECT_DOUBLE_EQ(powers.at(1000), 2);
  for (const double tick : powers.ticks(4)) EXPECT_TRUE(tick >= 10 && tick <= 1e7) << tick;
  const Scale nothing{Spacing::linear, 0, 0, 0, 1};
  EXPECT_DOUBLE_EQ(nothing.at(0), 0);
}

TEST(Scale, ShortFiguresAreTheFiguresTheyStandFor) {
  EXPECT_EQ(short_usd(0), "$0");
  EXPECT_EQ(short_usd(14'600), "$14.6k");
  EXPECT_EQ(short_usd(-3'000), "−$3k");
  EXPECT_EQ(short_count(999'600), "1M");
  EXPECT_EQ(short_count(250'000), "250k");
  EXPECT_EQ(short_count(44.7e9), "44.7B");
  EXPECT_EQ(round_up(0), 1);
  EXPECT_EQ(round_up(21), 50);
  EXPECT_EQ(round_up(0.02), 0.02);
}

}  // namespace
}  // namespace bellwether::report
