#include "dialects/stencil.h"

#include "dialects/events.h"
#include "json/cursor.h"

namespace bellwether::dialects {

chat::EventFacts Stencil::read(std::string_view data, json::Reader& reader) {
  if (!event_.empty()) {
    if (std::optional<chat::EventFacts> facts = fit(data)) {
      misses_ = 0;
      return *std::move(facts);
    }
  }
  chat::EventFacts facts = dialect_->read_event(data, reader);
  if (misses_ < misses_max && data.size() <= event_bytes_max) cut(data, facts);
  return facts;
}

/// Only of an event that carries a text or a thought and nothing else that anybody acts on.
void Stencil::cut(std::string_view data, const chat::EventFacts& facts) {
  const bool says_one_thing = facts.kind == chat::EventFacts::Kind::delta && facts.text != facts.reasoning;
  const bool says_more = facts.finished || facts.in_tool_call || facts.refusal || facts.logprobs || facts.other_choice || facts.failure.has_value();
  if (!says_one_thing || says_more) return;
  const std::string_view said = facts.text ? facts.text_raw : facts.reasoning_raw;
  const bool counts = facts.usage_raw.starts_with('{');
  if (said.size() <= 2 || (counts && facts.usage_raw.data() < said.data())) return;
  const auto place = [&](std::string_view raw) -> Place {
    if (raw.empty()) return {};
    const auto begin = static_cast<std::uint16_t>(raw.data() - data.data());
    return {begin, static_cast<std::uint16_t>(begin + raw.size())};
  };
  const auto size = static_cast<std::uint16_t>(data.size());
  ++misses_;
  event_.assign(data);
  said_ = place(said);
  counts_ = counts ? place(facts.usage_raw) : Place{size, size};
  text_ = place(facts.text_raw);
  model_ = place(facts.model_raw);
  usage_ = place(facts.usage_raw);
  usage_key_ = place(facts.usage_key_raw);
  choices_ = place(facts.choices_raw);
  role_ = place(facts.role_raw);
  role_key_ = place(facts.role_key_raw);
  reasons_ = facts.reasoning;
  is_signed_ = facts.is_signed;
}

std::optional<chat::EventFacts> Stencil::fit(std::string_view data) const {
  const std::string_view event{event_};
  if (!data.starts_with(event.substr(0, said_.begin))) return std::nullopt;
  std::string_view said;
  // An event whose text is empty means something else: it has no token.
  if (!json::Cursor{data.substr(said_.begin)}.string(said) || said.size() <= 2 || !json::is_utf8(said)) return std::nullopt;
  std::string_view rest = data.substr(said_.begin + said.size());
  const std::string_view between = event.substr(said_.end, static_cast<std::size_t>(counts_.begin - said_.end));
  if (!rest.starts_with(between)) return std::nullopt;
  rest.remove_prefix(between.size());
  std::string_view counts;
  if (!counts_.empty()) {
    if (!rest.starts_with('{') || !json::Cursor{rest}.value(counts) || !json::is_utf8(counts)) return std::nullopt;
    rest.remove_prefix(counts.size());
  }
  if (rest != event.substr(counts_.end)) return std::nullopt;

  // What stands behind the text, and behind the counts, has moved. (Differences are modulo: either may be shorter.)
  const std::size_t by_said = said.size() - said_.size();
  const std::size_t by_both = by_said + counts.size() - counts_.size();
  const auto moved = [&](std::size_t at) { return at + (at >= counts_.end ? by_both : at >= said_.end ? by_said : 0); };
  const auto here = [&](Place place) {
    if (place.empty()) return std::string_view{};
    const std::size_t begin = moved(place.begin);
    return data.substr(begin, moved(place.end) - begin);
  };
  std::optional<chat::EventFacts> facts{std::in_place};
  facts->kind = chat::EventFacts::Kind::delta;
  facts->first_token = true;
  facts->text = !reasons_;
  facts->reasoning = reasons_;
  facts->is_signed = is_signed_;
  facts->spoken.set(0);
  facts->text_raw = here(text_);
  if (reasons_) facts->reasoning_raw = said;
  facts->model_raw = here(model_);
  facts->usage_raw = here(usage_);
  facts->usage_key_raw = here(usage_key_);
  facts->choices_raw = here(choices_);
  facts->role_raw = here(role_);
  facts->role_key_raw = here(role_key_);
  if (!counts.empty()) facts->usage = read_usage(counts, metering::Basis::running);
  return facts;
}

}  // namespace bellwether::dialects
