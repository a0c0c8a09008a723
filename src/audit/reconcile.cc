#include "audit/reconcile.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <set>
#include <unordered_map>

namespace bellwether::audit {
namespace {

using namespace std::chrono;

constexpr std::uint32_t told_enough = 3;  // Fewer findings may be alike by chance.
constexpr int minutes_worth_adding = 15;  // Less of an hour is an edge: a scrape that came late.
constexpr double differs = 0.05;          // Reference §1.1.
constexpr std::array quantities{Quantity::requests, Quantity::input, Quantity::cached, Quantity::output};

struct Entry {
  std::int64_t hour = 0;
  Kind kind{};
  PromptRate meaning{};
  const std::string* model = nullptr;
  const Cell* cell = nullptr;
  std::uint64_t covered = 0;
};

std::uint64_t covered_minutes(const Stream& stream, std::map<std::int64_t, Cell>::const_iterator at) {
  return stretch(at->second.minutes, at != stream.hours.begin(), std::next(at) != stream.hours.end());
}

/// Takes hours that two streams of one kind told alike out of the later one, and of their other common hours what both cover.
std::uint64_t drop_duplicates(std::vector<Stream>& streams) {
  std::unordered_map<std::uint64_t, std::size_t> first;
  std::set<std::pair<std::size_t, std::size_t>> alike;
  std::uint64_t dropped = 0;
  for (std::size_t i = 0; i < streams.size(); ++i)
    for (auto at = streams[i].hours.begin(); at != streams[i].hours.end();) {
      const Cell& cell = at->second;
      if (cell.told < told_enough) {
        ++at;
        continue;
      }
      const std::uint64_t key = cell.hash ^ (static_cast<std::uint64_t>(at->first) * 0x9e3779b97f4a7c15ULL) ^ static_cast<std::uint64_t>(streams[i].kind);
      const auto [found, is_new] = first.try_emplace(key, i);
      if (is_new || found->second == i) {
        ++at;
        continue;
      }
      alike.emplace(found->second, i);
      at = streams[i].hours.erase(at);
      ++dropped;
    }
  for (const auto& [a, b] : alike)
    for (auto& [hour, cell] : streams[b].hours) {
      const auto same = streams[a].hours.find(hour);
      if (same == streams[a].hours.end() || cell.minutes == 0) continue;
      const std::uint64_t rest = cell.minutes & ~same->second.minutes;
      const double share = static_cast<double>(std::popcount(rest)) / std::popcount(cell.minutes);
      cell = scaled(cell, share);
      cell.minutes = rest;
    }
  return dropped;
}

/// An aggregate's line repeats what its engines' own lines say.
void drop_aggregates(std::vector<Stream>& streams) {
  std::set<std::pair<std::uint32_t, std::int64_t>> by_engine;
  for (const Stream& stream : streams)
    if (stream.kind == Kind::rates && !stream.is_aggregate)
      for (const auto& [hour, cell] : stream.hours) by_engine.emplace(stream.group, hour);
  for (Stream& stream : streams)
    if (stream.is_aggregate) std::erase_if(stream.hours, [&](const auto& one) { return by_engine.contains({stream.group, one.first}); });
}

double amount(Quantity quantity, Kind kind, PromptRate meaning, const Cell& cell) { return quantities_of(kind, meaning, cell)[quantity].value; }
bool tells(Quantity quantity, Kind kind, PromptRate meaning, const Cell& cell) { return quantities_of(kind, meaning, cell)[quantity].basis != Basis::unknown; }

/// What two kinds said of the hours that both covered.
struct Compared {
  double used = 0, other = 0, other_low = 0, other_high = 0;
};

std::string likely_reason(Quantity quantity, Kind used, Kind other, const Compared& both, std::uint32_t engines_used, std::uint32_t engines_other) {
  if (quantity == Quantity::input && other == Kind::rates && both.other < both.used && both.used <= both.other_high * 1.05)
    return "interval lines of vLLM 0.16 and later leave out tokens from the prefix cache";
  if (quantity == Quantity::input && other == Kind::rates && both.other > both.used && both.used >= both.other_low * 0.95)
    return "the lines' hit rates, by which cached tokens are put back, are of another stretch of time";
  if (engines_other > engines_used && both.other > both.used)
    return fmt::format("{} tell of {} engine(s), {} of {}: some are missing there", kind_names[static_cast<std::size_t>(other)], engines_other,
                       kind_names[static_cast<std::size_t>(used)], engines_used);
  if (engines_other < engines_used && both.other < both.used)
    return fmt::format("{} tell of {} engine(s), {} of {}: some are missing there", kind_names[static_cast<std::size_t>(used)], engines_used,
                       kind_names[static_cast<std::size_t>(other)], engines_other);
  if (quantity == Quantity::requests && other == Kind::access_lines && both.other > both.used)
    return "access lines count requests whose callers left, which the better source does not";
  if (quantity == Quantity::requests && both.other > 0.8 * both.used)
    return "several choices (n) or prompts in a request count as one in one of them, or retries were answered elsewhere";
  if (both.other > both.used) return "part of the traffic does not pass the better source, or the other was read twice";
  return "the worse source lacks lines, or covers only a part of the traffic";
}

}  // namespace

void Sum::add(Kind kind, PromptRate meaning, Quantity quantity, const Cell& cell) { audit::add(cells_[{quantity, kind, meaning}], cell); }

Quantities Sum::quantities() const {
  Quantities out;
  for (const auto& [key, cell] : cells_) {
    const auto& [quantity, kind, meaning] = key;
    audit::add(out[quantity], quantities_of(kind, meaning, cell)[quantity]);
  }
  return out;
}

Reconciled reconcile(std::vector<Stream>& streams, const Zone& zone, milliseconds phase, const std::vector<std::string>& models) {
  Reconciled out;
  if (const std::uint64_t dropped = drop_duplicates(streams); dropped > 0)
    out.notes.push_back(fmt::format("{} hour(s) of one source were told alike by another of the same kind, and counted once", dropped));
  drop_aggregates(streams);

  std::set<std::string> named;
  for (const Stream& stream : streams)
    if (!stream.model.empty()) named.insert(stream.model);
  static const std::string nameless;
  const std::string& if_unnamed = named.size() == 1 ? *named.begin() : nameless;
  const auto is_wanted = [&](const std::string& model) { return models.empty() || std::ranges::find(models, model) != models.end(); };

  std::vector<Entry> entries;
  std::array<std::set<std::string>, kind_count> engines;
  for (Stream& stream : streams) {
    const std::string& model = stream.model.empty() ? if_unnamed : *named.find(stream.model);
    if (!is_wanted(model)) continue;
    if (stream.prints_when_idle && stream.told_seconds > 0) {
      // V0's missing lines may have told of its mean rate.
      double input = 0, output = 0;
      for (const auto& [hour, cell] : stream.hours) input += cell.input, output += cell.output;
      for (auto& [hour, cell] : stream.hours) {
        if (cell.missing_seconds == 0) continue;
        cell.input_slack += cell.missing_seconds * input / stream.told_seconds;
        cell.output_slack += cell.missing_seconds * output / stream.told_seconds;
        // An hour that is missing as a whole is nothing with an upper bound, not unknown.
        cell.has_input = cell.has_output = true;
      }
    }
    for (auto at = stream.hours.cbegin(); at != stream.hours.cend(); ++at)
      entries.push_back({at->first, stream.kind, stream.prompt_rate, &model, &at->second, covered_minutes(stream, at)});
    // A restarted engine has another process, and is the same one.
    if (!stream.hours.empty() || stream.untimed.has_input || stream.untimed.has_requests || stream.untimed.has_output)
      engines[static_cast<std::size_t>(stream.kind)].insert(fmt::format("{}/{}", stream.group, stream.engine.substr(0, stream.engine.find("pid="))));
  }
  std::ranges::stable_sort(entries, {}, [](const Entry& entry) { return std::tuple{entry.hour, entry.kind}; });

  std::map<std::tuple<Quantity, Kind, Kind>, Compared> compared;
  // What better kinds said of hours of which a worse one tells nothing, between others of which it does: it says that nothing happened.
  std::map<std::tuple<Quantity, Kind, Kind>, double> while_silent;
  std::array<std::pair<std::int64_t, std::int64_t>, kind_count> span;
  span.fill({INT64_MAX, INT64_MIN});
  for (const Entry& entry : entries) {
    auto& [first, last] = span[static_cast<std::size_t>(entry.kind)];
    first = std::min(first, entry.hour);
    last = std::max(last, entry.hour);
  }
  std::map<std::pair<Quantity, Kind>, double> said;
  std::set<std::pair<Quantity, Kind>> used;
  for (std::size_t begin = 0, end = 0; begin < entries.size(); begin = end) {
    while (end < entries.size() && entries[end].hour == entries[begin].hour) ++end;
    const Instant hour{milliseconds{entries[begin].hour * 3'600'000} + phase};
    const Civil civil = zone.civil(hour);
    const sys_days day{civil.day};
    const std::string month = fmt::format("{:04}-{:02}", static_cast<int>(civil.day.year()), static_cast<unsigned>(civil.day.month()));
    Sum of_hour;
    for (const Quantity quantity : quantities) {
      struct Claim {
        Kind kind{};
        std::uint64_t covered = 0;
        double amount = 0;
      };
      std::map<std::string, Claim> claims;  // By model; "" claims all.
      for (std::size_t first = begin, last = begin; first < end; first = last) {
        // All of one kind: streams of it are added.
        while (last < end && entries[last].kind == entries[first].kind) ++last;
        std::map<std::string, Claim> mine;
        for (std::size_t i = first; i < last; ++i) {
          const Entry& entry = entries[i];
          if (!tells(quantity, entry.kind, entry.meaning, *entry.cell)) continue;
          const double value = amount(quantity, entry.kind, entry.meaning, *entry.cell);
          said[{quantity, entry.kind}] += value;
          const auto better = [&]() -> const Claim* {
            if (const auto same = claims.find(*entry.model); same != claims.end()) return &same->second;
            if (const auto all = claims.find(""); all != claims.end()) return &all->second;
            return entry.model->empty() && !claims.empty() ? &claims.begin()->second : nullptr;
          }();
          double share = 1;
          if (better != nullptr) {
            const std::uint64_t rest = entry.covered & ~better->covered;
            const int all = std::max(1, std::popcount(entry.covered));
            share = std::popcount(rest) >= minutes_worth_adding ? static_cast<double>(std::popcount(rest)) / all : 0;
            // Compared is what both cover: nearly all of the hour, or the shares mislead.
            if (share == 0) {
              Compared& both = compared[{quantity, better->kind, entry.kind}];
              const Figure figure = quantities_of(entry.kind, entry.meaning, *entry.cell)[quantity];
              both.other += figure.value;
              both.other_low += figure.low;
              both.other_high += figure.high;
            }
          }
          Claim& claim = mine[*entry.model];
          claim.kind = entry.kind;
          claim.covered |= entry.covered;
          claim.amount += value;
          if (share == 0) continue;
          used.emplace(quantity, entry.kind);
          const Cell part = share == 1 ? *entry.cell : scaled(*entry.cell, share);
          for (Sum* sum : {&out.totals, &of_hour, &out.days[day], &out.months[month], &out.models[*entry.model]})
            sum->add(entry.kind, entry.meaning, quantity, part);
        }
        for (const auto& [model, claim] : mine) claims.try_emplace(model, claim);
      }
      for (std::size_t kind = 0; kind < kind_count; ++kind) {
        const auto is_it = [&](const Entry& entry) { return entry.kind == static_cast<Kind>(kind); };
        if (entries[begin].hour <= span[kind].first || entries[begin].hour >= span[kind].second) continue;
        if (std::any_of(entries.begin() + static_cast<std::ptrdiff_t>(begin), entries.begin() + static_cast<std::ptrdiff_t>(end), is_it)) continue;
        for (const auto& [model, claim] : claims)
          if (claim.kind < static_cast<Kind>(kind)) while_silent[{quantity, claim.kind, static_cast<Kind>(kind)}] += claim.amount;
      }
      // The amounts of the better kind in the hours in which a worse one was compared, once for each kind.
      std::set<std::pair<const std::string*, Kind>> counted;
      for (std::size_t i = begin; i < end; ++i) {
        const Entry& entry = entries[i];
        if (!tells(quantity, entry.kind, entry.meaning, *entry.cell)) continue;
        for (const auto& [model, claim] : claims) {
          const bool meant = *entry.model == model || model.empty() || entry.model->empty();
          if (entry.kind <= claim.kind || !meant || std::popcount(entry.covered & ~claim.covered) >= minutes_worth_adding) continue;
          if (counted.emplace(&model, entry.kind).second) compared[{quantity, claim.kind, entry.kind}].used += claim.amount;
        }
      }
    }
    std::uint32_t rate_streams = 0;
    for (std::size_t i = begin; i < end; ++i) rate_streams += entries[i].kind == Kind::rates ? 1 : 0;
    out.day_streams[day] = std::max(out.day_streams[day], rate_streams);
    for (std::size_t i = begin; i < end; ++i) out.day_missing_seconds[day] += entries[i].cell->missing_seconds;
    out.hours.emplace_back(hour, of_hour.quantities());
  }

  for (Stream& stream : streams) {
    const std::string& model = stream.model.empty() ? if_unnamed : *named.find(stream.model);
    if (!is_wanted(model)) continue;
    for (const Quantity quantity : quantities) {
      if (!tells(quantity, stream.kind, stream.prompt_rate, stream.untimed)) continue;
      said[{quantity, stream.kind}] += amount(quantity, stream.kind, stream.prompt_rate, stream.untimed);
      // What has no time cannot be weighed hour by hour: it counts where no better kind tells of anything.
      const bool is_best = std::ranges::none_of(used, [&](const auto& one) { return one.first == quantity && one.second < stream.kind; }) &&
                           std::ranges::none_of(streams, [&](const Stream& other) {
                             return other.kind < stream.kind && tells(quantity, other.kind, other.prompt_rate, other.untimed);
                           });
      if (!is_best) continue;
      used.emplace(quantity, stream.kind);
      for (Sum* sum : {&out.totals, &out.untimed, &out.models[model]}) sum->add(stream.kind, stream.prompt_rate, quantity, stream.untimed);
    }
  }

  for (const auto& [key, value] : said)
    out.evidence.push_back({key.first, kind_names[static_cast<std::size_t>(key.second)], value, used.contains(key),
                            static_cast<std::uint32_t>(engines[static_cast<std::size_t>(key.second)].size())});
  for (const auto& [key, amount] : while_silent)
    if (const auto both = compared.find(key); both != compared.end()) both->second.used += amount;
  for (const auto& [key, both] : compared) {
    const auto& [quantity, better, worse] = key;
    if (both.used <= 0 || both.other <= 0 || std::abs(both.other - both.used) <= differs * both.used) continue;
    out.disagreements.push_back({quantity, kind_names[static_cast<std::size_t>(better)], kind_names[static_cast<std::size_t>(worse)], both.used, both.other,
                                 100 * (both.other - both.used) / both.used,
                                 likely_reason(quantity, better, worse, both, static_cast<std::uint32_t>(engines[static_cast<std::size_t>(better)].size()),
                                               static_cast<std::uint32_t>(engines[static_cast<std::size_t>(worse)].size()))});
  }
  return out;
}

}  // namespace bellwether::audit
