#include "bellwether/hybrid.hpp"

#include <algorithm>

#include "hybrid_sides.h"

namespace bellwether::inline v1 {

using client::Course;

const char* name_of(Source source) noexcept { return source == Source::primary ? "primary" : "fallback"; }

namespace detail {
namespace {

HybridOptions with_retries(HybridOptions options) {
  options.primary.client.max_retries = options.fallback.client.max_retries = options.max_retries;
  // A coroutine goes on at one place, whichever side answers.
  if (!options.fallback.client.resume_on) options.fallback.client.resume_on = options.primary.client.resume_on;
  return options;
}

}  // namespace

Hybrid::Hybrid(HybridOptions options)
    : options_{with_retries(std::move(options))},
      primary_{options_.primary.client},
      fallback_{options_.fallback.client},
      breaker_{std::max(1, options_.trip_after), std::max(options_.rest, client::Span{1}),
               std::max(options_.rest_max, std::max(options_.rest, client::Span{1}))} {}

ChatRequest Hybrid::for_side(ChatRequest request, Source which) const {
  const HybridSide& side = which == Source::primary ? options_.primary : options_.fallback;
  for (const auto& [from, to] : side.models)
    if (request.model == from) {
      request.model = to;
      break;
    }
  if (!side.model.empty()) request.model = side.model;
  for (const auto& member : side.body) {
    const bool is_set = std::any_of(request.extra.begin(), request.extra.end(), [&](const auto& set) { return set.first == member.first; });
    if (!is_set) request.extra.push_back(member);
  }
  return request;
}

/// The outcome of a side's answer: what to tell the caller, or nothing if the other side is to be asked.
std::optional<Result<HybridAnswer>> judge(Course& course, Result<ChatCompletion> answer) {
  const client::Moment at = now();
  if (answer && !answer->choices.empty()) {
    course.answered();
    return HybridAnswer{std::move(*answer), course.side(), course.waited_ms(at)};
  }
  Error error = answer ? Error{.kind = ErrorKind::internal_server, .http_status = 200, .code = "no_choices", .message = "The answer has no choices."}
                       : std::move(answer.error());
  if (std::optional<Error> told = course.failed(std::move(error), at)) return *std::move(told);
  return std::nullopt;
}

}  // namespace detail

HybridClient::HybridClient(HybridOptions options) : hybrid_{std::make_shared<detail::Hybrid>(std::move(options))} {}
HybridClient::HybridClient(const HybridClient&) = default;
HybridClient::HybridClient(HybridClient&&) noexcept = default;
HybridClient& HybridClient::operator=(const HybridClient&) = default;
HybridClient& HybridClient::operator=(HybridClient&&) noexcept = default;
HybridClient::~HybridClient() = default;

Result<HybridAnswer> HybridClient::chat(const ChatRequest& request, const CallOptions& options) const {
  Course course{hybrid_->breaker(), detail::now()};
  for (;;) {
    Result<ChatCompletion> answer = hybrid_->at(course.side()).chat(hybrid_->for_side(request, course.side()), options);
    if (std::optional<Result<HybridAnswer>> outcome = detail::judge(course, std::move(answer))) return *std::move(outcome);
  }
}

bool HybridClient::primary_rests() const { return hybrid_->breaker().resting(); }

}  // namespace bellwether::inline v1
