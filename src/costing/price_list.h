// Dated prices of hosted APIs, each with its source and the day on which somebody last looked. Read from data/prices/*.toml, which are
// built into the program, or from a file of the user's (`--prices FILE`) in the same form.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/read.h"
#include "costing/calendar.h"
#include "costing/question.h"
#include "costing/tariff.h"

namespace bellwether::costing {

struct PriceEntry {
  std::string provider, model;
  std::vector<std::string> aliases;  ///< Names under which the model was sold in that time.
  Instant valid_from{};
  std::optional<Instant> valid_to;  ///< Not included. Nothing: until somebody learns better.
  Tariff tariff;
  std::string source;
  Date checked{};
  std::string note;

  [[nodiscard]] std::string name() const { return provider + "/" + model; }
};

using PriceList = std::vector<PriceEntry>;

/// All problems at once, as for a config, or the list. Two entries of one model that are valid at one time are a problem.
[[nodiscard]] std::variant<PriceList, std::vector<config::Problem>> read_price_list(std::string_view toml, const std::string& file);

/// The list that the program carries.
[[nodiscard]] const PriceList& shipped_prices();
/// Its text, one for each file.
struct ShippedFile {
  std::string_view name, text;
};
[[nodiscard]] const std::vector<ShippedFile>& shipped_price_files();

/// The entry that holds at the end of the day for this name: "provider/model", or the model's name or alias where only one provider has it.
/// Nothing: no entry. Never a near miss: the same model costs several times as much elsewhere.
[[nodiscard]] const PriceEntry* find_price(const PriceList& list, std::string_view name, Date day);
/// Of an entry that once held, the last that began before the day: what to tell where `find_price` finds nothing.
[[nodiscard]] const PriceEntry* find_past_price(const PriceList& list, std::string_view name, Date day);

/// As something to compare with.
[[nodiscard]] Candidate to_candidate(const PriceEntry& entry);

/// Every entry that holds on that day.
[[nodiscard]] std::vector<const PriceEntry*> prices_of(const PriceList& list, Date day);

}  // namespace bellwether::costing
