#include "simulator/fault.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace bellwether::simulator {
namespace {

using enum FaultKind;

enum class Argument : std::uint8_t { none, count, wait };

struct Row {
  std::string_view name;
  FaultKind kind;
  Argument argument = Argument::none;
};

constexpr std::array rows{Row{"refuse", refuse},
                          Row{"reset", reset},
                          Row{"429", busy},
                          Row{"429-bare", busy_bare},
                          Row{"429-once", busy_once, Argument::count},
                          Row{"500-once", error_once},
                          Row{"500", error},
                          Row{"503", unavailable},
                          Row{"503-loading", loading},
                          Row{"flap", flap, Argument::wait},
                          Row{"401", unauthorised},
                          Row{"402", no_credit},
                          Row{"silence", silence},
                          Row{"slow-first", slow_first, Argument::wait},
                          Row{"slow-head", slow_head, Argument::wait},
                          Row{"cut", cut, Argument::count},
                          Row{"cut-role", cut_role},
                          Row{"cut-token", cut_token},
                          Row{"cut-tool", cut_tool},
                          Row{"cut-finish", cut_finish},
                          Row{"no-done", no_done},
                          Row{"stall", stall, Argument::count},
                          Row{"broken-json", broken_json, Argument::count},
                          Row{"no-usage", no_usage},
                          Row{"negative-usage", negative_usage},
                          Row{"context-length", context_length},
                          Row{"content-filter", content_filter},
                          Row{"422", unprocessable},
                          Row{"error-in-stream", error_in_stream, Argument::count},
                          Row{"200-error", error_as_200},
                          Row{"split-utf8", split_utf8},
                          Row{"one-byte", one_byte},
                          Row{"crlf", crlf},
                          Row{"comments", comments},
                          Row{"big-event", big_event},
                          Row{"no-finish", no_finish},
                          Row{"html-502", html},
                          Row{"slow-drip", slow_drip, Argument::wait},
                          Row{"refuse-prefill", refuse_prefill},
                          Row{"echo-prefill", echo_prefill}};

constexpr Duration wait_usual = std::chrono::milliseconds(500);
constexpr Duration wait_max = std::chrono::hours(1);

std::unexpected<Failure> unknown(std::string_view text) {
  std::string message = "unknown fault \"" + std::string(text.substr(0, 100)) + "\"; there are";
  for (const Row& row : rows) {
    message += row.kind == refuse ? " " : ", ";
    message += row.name;
    if (row.argument == Argument::count) message += "[:N]";
    if (row.argument == Argument::wait) message += "[:250ms]";
  }
  return failed(Reason::request_malformed, PublicText{std::move(message)});
}

}  // namespace

std::optional<Duration> parse_wait(std::string_view text) {
  std::int64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(parsed.ptr, static_cast<std::size_t>(text.data() + text.size() - parsed.ptr));
  if (parsed.ec != std::errc{} || number < 0 || number > 1'000'000'000) return std::nullopt;
  Duration wait;
  if (unit == "ms") wait = std::chrono::milliseconds(number);
  else if (unit == "us") wait = std::chrono::microseconds(number);
  else if (unit == "s") wait = std::chrono::seconds(number);
  else if (unit.empty() && number == 0) wait = {};
  else return std::nullopt;
  return wait <= wait_max ? std::optional(wait) : std::nullopt;
}

Result<Fault> parse_fault(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  const auto* row = std::ranges::find(rows, name, &Row::name);
  if (row == rows.end()) return unknown(text);
  Fault fault{.kind = row->kind, .count = 3, .wait = wait_usual};
  if (colon == std::string_view::npos) return fault;
  const std::string_view argument = text.substr(colon + 1);
  if (row->argument == Argument::count) {
    const auto parsed = std::from_chars(argument.data(), argument.data() + argument.size(), fault.count);
    if (argument.empty() || parsed.ec != std::errc{} || parsed.ptr != argument.data() + argument.size()) return unknown(text);
    return fault;
  }
  const auto wait = parse_wait(argument);
  if (row->argument != Argument::wait || !wait) return unknown(text);
  fault.wait = *wait;
  return fault;
}

Result<std::optional<Fault>> fault_of_model(std::string_view model) {
  constexpr std::string_view prefix = "fault-";
  if (!model.starts_with(prefix)) return std::optional<Fault>{};
  model = model.substr(0, model.find('#'));  // What follows only tells models apart.
  BW_TRY(fault, parse_fault(model.substr(prefix.size())));
  return std::optional(fault);
}

}  // namespace bellwether::simulator
