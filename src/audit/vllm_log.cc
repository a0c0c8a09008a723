#include "audit/vllm_log.h"

#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "audit/lines.h"
#include "audit/needles.h"
#include "audit/rates_line.h"
#include "audit/request_line.h"
#include "audit/stamp.h"
#include "audit/wrapper.h"

namespace bellwether::audit {
namespace {

// Everything that we look for begins within this of its line; a prompt that goes on for a megabyte is not searched.
constexpr std::size_t search_max = 4096;
constexpr std::size_t name_max = 256;  // Of a model.
// Requests before a file's first stamp: a night's, where the log was rotated at midnight.
constexpr std::size_t early_max = 4096;

std::string_view between(std::string_view text, std::string_view key, std::string_view ends) {
  const std::size_t at = text.find(key);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = text.substr(at + key.size());
  const std::string_view found = rest.substr(0, rest.find_first_of(ends));
  return found.size() <= name_max ? found : std::string_view{};
}

/// The model's name in the line of an engine's or a server's arguments: as it is served, else as it was loaded.
std::string_view model_in(std::string_view text) {
  for (const std::string_view key : {"served_model_name=['", "'served_model_name': ['", "served_model_name='", "'served_model_name': '"})
    if (const auto name = between(text, key, "'"); !name.empty()) return name;
  if (const auto name = between(text, "served_model_name=", ",) "); !name.empty() && name != "None") return name;
  for (const std::string_view key : {" model='", "(model='", "'model': '", "model_tag='"})
    if (const auto name = between(text, key, "'"); !name.empty()) return name;
  return {};
}

/// `0.11.2`, `0.9.2rc1.dev3+g1234`: a digit first.
std::string_view version_in(std::string_view text, std::string_view key) {
  const std::string_view found = between(text, key, " )\r\n,");
  return !found.empty() && found.front() >= '0' && found.front() <= '9' ? found : std::string_view{};
}

class VllmLog final : public Reader {
 public:
  VllmLog(const ReadingContext& context, Sink& sink) : sink_{sink}, calendar_{context.zone, context.written} { place_.source = context.source; }

  void read(std::string_view bytes) override {
    lines_.read(bytes, [this](std::string_view text, std::uint64_t number) { line(text, number); }, [this](std::uint64_t number) { too_long(number); });
  }
  void finish() override {
    lines_.finish([this](std::string_view text, std::uint64_t number) { line(text, number); }, [this](std::uint64_t number) { too_long(number); });
    tell_early();
  }

 private:
  void line(std::string_view text, std::uint64_t number);
  void too_long(std::uint64_t number) { sink_.skipped({place_.source, number}, Skip::too_long); }
  void plain(std::string_view text, std::optional<Instant> wrapped);
  /// Whether a needle at `at` was part of something of ours.
  [[nodiscard]] bool found_at(std::string_view text, std::size_t at, std::optional<Instant> wrapped);
  void rates(std::string_view text, std::size_t begin, std::optional<Instant> wrapped);
  [[nodiscard]] bool access(std::string_view text, std::size_t http, std::optional<Instant> wrapped);
  [[nodiscard]] bool guide(std::string_view text, std::size_t begin, std::optional<Instant> wrapped);
  [[nodiscard]] bool request(std::string_view text, std::size_t begin, std::optional<Instant> wrapped);
  [[nodiscard]] bool banner(std::string_view text, std::optional<Instant> wrapped);
  /// The time of a line, and of those without one that follow it.
  [[nodiscard]] std::optional<Instant> time_of(std::string_view prefix, std::optional<Instant> wrapped);
  void skip(Skip why) { sink_.skipped(place_, why); }
  /// At `at`, else when the last line was that had a time; before the first such line it waits for that one.
  void tell(RequestSeen request, std::optional<Instant> at);
  void tell_early();

  Sink& sink_;
  Calendar calendar_;
  Lines lines_;
  Unwrapper unwrapper_;
  Place place_;
  std::optional<Instant> last_;         ///< Of the last line that had a time.
  std::vector<RequestSeen> early_;      ///< Before it; they name neither id nor model.
  std::size_t rates_begin_ = 0;         ///< Where the last line's rates began: mostly the next one's begin there too.
  std::size_t stamp_begin_ = 0;         ///< The same of its stamp.
  std::array<char, 12> minute_text_{};  ///< `12-02 06:39:`, of the last stamp at stamp_begin_; and the instant that it means.
  Instant minute_{};
  std::array<char, 64> engine_{};  ///< Backs RatesSeen::engine.
};

void VllmLog::line(std::string_view text, std::uint64_t number) {
  place_.line = number;
  if (text.empty()) return;
  const auto unwrapped = text.front() == '{' ? unwrapper_.json(text) : std::nullopt;
  if (unwrapped) plain(unwrapped->text, unwrapped->at);
  else plain(text, std::nullopt);
  if (last_ && !early_.empty()) tell_early();
}

void VllmLog::tell(RequestSeen request, std::optional<Instant> at) {
  request.place = place_;
  request.end = at ? at : last_;
  if (request.end && !early_.empty()) tell_early();
  if (request.end || !request.id.empty() || early_.size() >= early_max) return sink_.seen(request);
  early_.push_back(request);
}

void VllmLog::tell_early() {
  for (RequestSeen& request : std::exchange(early_, {})) {
    request.end = last_;
    sink_.seen(request);
  }
}

void VllmLog::plain(std::string_view text, std::optional<Instant> wrapped) {
  if (text.size() > rates_begin_ && rates_begin_ != 0 && begins_rates(text.substr(rates_begin_))) return rates(text, rates_begin_, wrapped);
  const std::string_view head = text.substr(0, search_max);
  std::size_t needle = find_needle(head, 0);
  if (needle == std::string_view::npos) return skip(Skip::not_of_this_log);
  if (std::memchr(head.data(), '\x1b', head.size()) != nullptr) {
    text = unwrapper_.without_colours(text);
    needle = find_needle(text.substr(0, search_max), 0);
  }
  for (; needle != std::string_view::npos; needle = find_needle(text.substr(0, search_max), needle + 1))
    if (found_at(text, needle, wrapped)) return;
  skip(Skip::not_of_this_log);
}

bool VllmLog::found_at(std::string_view text, std::size_t at, std::optional<Instant> wrapped) {
  switch (text[at]) {
    case 'v':  // Avg prompt throughput
      if (at == 0 || !begins_rates(text.substr(at - 1))) return false;
      rates_begin_ = at - 1;
      rates(text, at - 1, wrapped);
      return true;
    case 'P': return at >= 3 && access(text, at - 3, wrapped);     // HTTP/
    case 'n': return at >= 1 && guide(text, at - 1, wrapped);      // Input tokens
    case 'q': return at >= 11 && request(text, at - 11, wrapped);  // Received request
    default: return banner(text, wrapped);                         // vLLM, LLM engine
  }
}

std::optional<Instant> VllmLog::time_of(std::string_view prefix, std::optional<Instant> wrapped) {
  if (wrapped) return last_ = wrapped;
  // `12-02 06:39:46`: most lines share the minute with the one before.
  const char* const here = prefix.data() + stamp_begin_;
  const auto is_digit = [](char c, char most) { return c >= '0' && c <= most; };
  if (stamp_begin_ != 0 && prefix.size() > stamp_begin_ + 14 && std::memcmp(here, minute_text_.data(), minute_text_.size()) == 0 && is_digit(here[12], '5') &&
      is_digit(here[13], '9') && here[14] == ' ')
    return last_ = minute_ + std::chrono::seconds{(here[12] - '0') * 10 + (here[13] - '0')};
  std::optional<Stamp> stamp;
  // Where the last line had its only stamp, unless an outer one may stand before it.
  if (stamp_begin_ != 0 && prefix.size() > stamp_begin_ + 14) stamp = parse_stamp(prefix.substr(stamp_begin_, 40));
  if (!stamp) {
    stamp = find_stamp(prefix);
    const bool simple = stamp && !stamp->year && prefix.find(':') == stamp->begin + 8;
    stamp_begin_ = simple ? stamp->begin : 0;
  }
  if (!stamp) return std::nullopt;
  const auto at = calendar_.instant(*stamp);
  if (!at) return at;
  if (stamp_begin_ != 0) {
    std::memcpy(minute_text_.data(), prefix.data() + stamp_begin_, minute_text_.size());
    minute_ = std::chrono::floor<std::chrono::minutes>(*at);
  }
  return last_ = at;
}

void VllmLog::rates(std::string_view text, std::size_t begin, std::optional<Instant> wrapped) {
  const RatesParsed parsed = parse_rates(text.substr(begin));
  if (!parsed.line) return skip(parsed.trouble == RatesTrouble::impossible ? Skip::impossible_value : Skip::malformed);
  const std::string_view prefix = text.substr(0, begin);
  const auto at = time_of(prefix, wrapped);
  if (!at) return skip(Skip::no_time);
  const EngineName name = engine_of(prefix);
  std::size_t size = 0;
  const auto put = [&](std::string_view part) {
    part = part.substr(0, engine_.size() - size);
    if (part.empty()) return;
    std::memcpy(engine_.data() + size, part.data(), part.size());
    size += part.size();
  };
  put(name.number);
  if (!name.process.empty()) {
    put(name.number.empty() ? "pid=" : " pid=");
    put(name.process);
  }
  sink_.seen(RatesSeen{.place = place_,
                       .at = at,
                       .engine = {engine_.data(), size},
                       .is_aggregate = name.is_aggregate,
                       .is_v0 = parsed.line->is_v0,
                       .prompt_tokens_per_second = parsed.line->prompt,
                       .generation_tokens_per_second = parsed.line->generation,
                       .running = parsed.line->running,
                       .waiting = parsed.line->waiting,
                       .cache_usage_percent = parsed.line->cache_usage_percent,
                       .prefix_hit_percent = parsed.line->prefix_hit_percent});
}

bool VllmLog::access(std::string_view text, std::size_t http, std::optional<Instant> wrapped) {
  const auto line = parse_access(text, http);
  if (!line) return false;
  const auto at = time_of(text.substr(0, http), wrapped);
  const auto features = served_by_model(line->method, line->path);
  if (!features) {
    skip(Skip::excluded);
    return true;
  }
  const bool served = line->status >= 200 && line->status < 300;
  tell({.log = RequestLog::access_lines, .outcome = served ? Outcome::served : Outcome::failed, .features = *features}, at);
  return true;
}

bool VllmLog::guide(std::string_view text, std::size_t begin, std::optional<Instant> wrapped) {
  const GuideParsed parsed = parse_guide(text, begin);
  if (parsed.impossible) skip(Skip::impossible_value);
  if (!parsed.line) return parsed.impossible;
  const auto at = time_of(text.substr(0, begin), wrapped);
  tell({.log = RequestLog::guide_lines, .input_tokens = parsed.line->input, .output_tokens = parsed.line->output}, at);
  return true;
}

bool VllmLog::request(std::string_view text, std::size_t begin, std::optional<Instant> wrapped) {
  const auto line = parse_received(text, begin);
  if (!line) return false;
  const auto at = time_of(text.substr(0, begin), wrapped);
  tell({.log = RequestLog::engine_lines, .id = line->id, .output_tokens_max = line->max_tokens, .outcome = Outcome::unknown, .features = line->features}, at);
  return true;
}

bool VllmLog::banner(std::string_view text, std::optional<Instant> wrapped) {
  std::string_view version = version_in(text, "vLLM API server version ");
  if (version.empty()) version = version_in(text, "LLM engine (v");
  const bool started = text.find("Starting vLLM") != std::string_view::npos;
  if (version.empty() && !started) return false;
  const auto at = time_of(text, wrapped);
  if (!version.empty()) sink_.seen(BannerSeen{place_, at, BannerSeen::What::version, version});
  if (started) sink_.seen(BannerSeen{place_, at, BannerSeen::What::started, {}});
  if (const auto model = model_in(text); !model.empty()) sink_.seen(BannerSeen{place_, at, BannerSeen::What::model, model});
  return true;
}

constexpr std::array<std::string_view, 8> marks{"Avg prompt throughput: ", "Avg prompt tput: ", "vLLM API server version ", "LLM engine (v",
                                                "Input tokens: ",          "Received request ", "Uvicorn running on ",      " - \"POST /v1/"};

}  // namespace

std::unique_ptr<Reader> make_vllm_log(const ReadingContext& context, Sink& sink) { return std::make_unique<VllmLog>(context, sink); }

bool looks_like_vllm_log(std::string_view begin) {
  for (const std::string_view mark : marks)
    if (begin.find(mark) != std::string_view::npos) return true;
  return false;
}

}  // namespace bellwether::audit
