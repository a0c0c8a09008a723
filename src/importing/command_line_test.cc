#include "importing/command_line.h"

#include <gtest/gtest.h>

namespace bellwether::importing {
namespace {

std::vector<std::string> texts(std::string_view text, Quoting quoting, const Variables& variables = {}) {
  const auto words = split_words(text, quoting, variables, {1, 1});
  if (!words) return {"<" + words.error().text + ">"};
  std::vector<std::string> out;
  for (const Word& word : *words) out.push_back(word.text);
  return out;
}
using Texts = std::vector<std::string>;

TEST(SplitWords, FollowsAShellsQuotes) {
  EXPECT_EQ(texts(R"(a 'b c' "d \"e\" \n" f\ g # rest)", Quoting::shell), (Texts{"a", "b c", R"(d "e" \n)", "f g"}));
  EXPECT_EQ(texts("--x='{\"a\": 1}'", Quoting::shell), (Texts{"--x={\"a\": 1}"}));
  EXPECT_EQ(texts("a '' b", Quoting::shell), (Texts{"a", "", "b"}));
}

TEST(SplitWords, GoesOnBehindABackslashAtTheEndOfALine) {
  const auto words = split_words("vllm serve \\\n  model \\\r\n  --port 1", Quoting::shell, {}, {7, 3});
  ASSERT_TRUE(words.has_value());
  ASSERT_EQ(words->size(), 5U);
  EXPECT_EQ((*words)[0].at, (Place{7, 3}));
  EXPECT_EQ((*words)[2].at, (Place{8, 3}));
  EXPECT_EQ((*words)[3].text, "--port");
}

TEST(SplitWords, TellsAQuoteThatDoesNotEnd) {
  EXPECT_EQ(texts("a 'b", Quoting::shell), (Texts{"<a quote that does not end>"}));
  EXPECT_EQ(texts("a \"b", Quoting::systemd), (Texts{"<a quote that does not end>"}));
}

TEST(SplitWords, PutsInWhatIsKnownAndNamesWhatIsNot) {
  const auto words = split_words("$A ${B} x${A}y '$A' --key=$C ${D:-9} $A$B", Quoting::shell, {{"A", "1"}}, {1, 1});
  ASSERT_TRUE(words.has_value());
  ASSERT_EQ(words->size(), 7U);
  EXPECT_EQ((*words)[0].text, "1");
  EXPECT_EQ((*words)[0].variable, "A");
  EXPECT_EQ((*words)[1].unknown, (Texts{"B"}));
  EXPECT_EQ((*words)[2].text, "x1y");
  EXPECT_EQ((*words)[2].variable, "");
  EXPECT_EQ((*words)[3].text, "$A");
  EXPECT_EQ((*words)[4].variable, "C");
  EXPECT_EQ((*words)[5].text, "9");
  EXPECT_EQ((*words)[6].variable, "");
}

TEST(SplitWords, FollowsSystemdInVariablesAndSpecifiers) {
  const Variables variables{{"ARGS", "--a 1 --b"}, {"P", "8000"}};
  EXPECT_EQ(texts("x $ARGS ${ARGS} --port ${P} 100%% '${P}'", Quoting::systemd, variables),
            (Texts{"x", "--a", "1", "--b", "--a 1 --b", "--port", "8000", "100%", "8000"}));
  const auto words = split_words("%h/model", Quoting::systemd, {}, {1, 1});
  EXPECT_EQ((*words)[0].unknown, (Texts{"%h"}));
}

TEST(SplitWords, FollowsComposeWhereADollarIsDoubled) {
  EXPECT_EQ(texts("a$$b ${X:-y z}", Quoting::compose), (Texts{"a$b", "y z"}));
  EXPECT_EQ(one_word("--a 'b' ${X:-1}", {}, {1, 1}).text, "--a 'b' 1");
}

}  // namespace
}  // namespace bellwether::importing
