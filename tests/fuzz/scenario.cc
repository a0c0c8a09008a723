// Scenario files and price lists: every text is refused with words, or can be compared, and the answer is a page.
#include <cstdint>
#include <string>
#include <tuple>

#include "base/check.h"
#include "costing/comparison.h"
#include "costing/price_list.h"
#include "costing/scenario.h"
#include "report/roi_page.h"
#include "report/words.h"

using namespace bellwether;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  costing::Question question;
  question.volume.low = {.input = 80'000'000, .cached = 20'000'000, .output = 40'000'000};
  question.volume.value = question.volume.high = {.input = 100'000'000, .cached = 10'000'000, .output = 50'000'000};
  question.today = *costing::parse_date("2026-11-25");
  question.rate = costing::parse_exchange_rate("1400@2026-11-01");

  const auto list = costing::read_price_list(text, "p.toml");
  if (const auto* entries = std::get_if<costing::PriceList>(&list)) {
    for (const costing::PriceEntry& entry : *entries)
      question.candidates.push_back({.name = entry.name(), .tariff = entry.tariff, .origin = costing::Origin::price_list});
  } else {
    BW_CHECK(!std::get<std::vector<config::Problem>>(list).empty());
  }
  const auto read = costing::read_scenario(text, "s.toml", costing::Won::have_a_rate);
  if (const auto* scenario = std::get_if<costing::Scenario>(&read)) {
    for (const costing::ScenarioCandidate& candidate : scenario->candidates)
      question.candidates.push_back({.name = candidate.name, .tariff = {.price = candidate.price}, .origin = costing::Origin::scenario});
    question.own = *scenario;
  } else {
    BW_CHECK(!std::get<std::vector<config::Problem>>(read).empty());
    question.own = costing::Stated{*costing::parse_amount("500..750")};
  }
  if (question.candidates.empty()) return 0;
  if (question.candidates.size() > 4) question.candidates.resize(4);
  const auto compared = costing::compare(question);
  if (!compared) {
    BW_CHECK(!compared.error().empty());
    return 0;
  }
  for (const costing::Row& row : compared->rows) BW_CHECK(row.monthly.low <= row.monthly.value && row.monthly.value <= row.monthly.high);
  const std::string page = report::roi_page(*compared, nullptr, report::words_for("ko"), {.version = "0", .day = "2026-11-25"});
  BW_CHECK(page.ends_with("</html>\n"));
  return 0;
}
