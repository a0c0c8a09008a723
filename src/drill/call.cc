#include "drill/call.h"

#include <nlohmann/json.hpp>

namespace bellwether::drill {
namespace {

using Json = nlohmann::json;

/// What the SDKs make an error of: {"error":{"message":…}}.
bool is_error(const Json& json) {
  return json.contains("error") && json["error"].is_object() && json["error"].contains("message") && json["error"]["message"].is_string() &&
         !json["error"]["message"].get_ref<const std::string&>().empty();
}

bool adds_up(const Json& usage) {
  const auto count = [&](const char* name) { return usage.contains(name) && usage[name].is_number_integer() ? usage[name].get<std::int64_t>() : -1; };
  const std::int64_t prompt = count("prompt_tokens"), completion = count("completion_tokens");
  return prompt > 0 && completion > 0 && count("total_tokens") == prompt + completion;
}

}  // namespace

void CallReader::head(int status, std::string_view content_type, std::string_view upstream) {
  call_.status = status;
  call_.first_source = upstream;
  events_ = content_type.starts_with("text/event-stream");
}

void CallReader::piece(std::string_view bytes) {
  if (!events_) {
    body_ += bytes;
    return;
  }
  framer_.feed(bytes);
  sse::Event event;
  for (sse::Framer::Status status = framer_.next(event); status != sse::Framer::Status::needs_more; status = framer_.next(event)) {
    if (status == sse::Framer::Status::too_large) {
      call_.is_garbled = true;
      return;
    }
    if (event.has_data) this->event(event.data);
  }
}

void CallReader::event(std::string_view data) {
  if (done_ || call_.is_error) call_.is_garbled = true;
  if (data == "[DONE]") done_ = true;
  else document(data);
}

void CallReader::document(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) {
    call_.is_garbled = true;
    return;
  }
  if (json.contains("error")) {
    call_.is_error = is_error(json);
    call_.is_garbled |= !call_.is_error;
    return;
  }
  if (json.contains("x_source") && json["x_source"].is_string()) call_.source = json["x_source"];
  if (json.contains("usage") && json["usage"].is_object()) call_.has_usage = adds_up(json["usage"]);
  if (!json.contains("choices") || !json["choices"].is_array()) {
    call_.is_garbled = true;
    return;
  }
  for (const Json& choice : json["choices"]) {
    const char* const part = events_ ? "delta" : "message";
    if (!choice.is_object() || !choice.contains(part) || !choice[part].is_object()) {
      call_.is_garbled = true;
      return;
    }
    const Json& said = choice[part];
    if (said.contains("content") && said["content"].is_string()) {
      const auto& content = said["content"].get_ref<const std::string&>();
      if (!content.empty() && call_.finishes > 0) call_.is_garbled = true;
      call_.text += content;
    }
    if (choice.contains("finish_reason") && choice["finish_reason"].is_string()) ++call_.finishes;
  }
}

Call CallReader::end(Ending ending) && {
  call_.ending = ending;
  if (!events_ && call_.status > 0 && ending == Ending::complete) document(body_);
  return std::move(call_);
}

Verdict judge(const Call& call, std::string_view expected, Source source) {
  if (call.ending == Ending::timed_out) return Verdict::hung;
  if (call.is_garbled || call.finishes > 1) return Verdict::garbled;
  const bool is_beginning = expected.starts_with(call.text);
  if (call.is_error) {
    // The end was told, then an error: the caller has both.
    if (call.finishes > 0) return Verdict::garbled;
    return is_beginning ? Verdict::clean_error : Verdict::wrong_text;
  }
  if (call.ending == Ending::broken) return Verdict::broken_off;
  if (call.status != 200) return Verdict::garbled;
  if (call.text != expected) return is_beginning ? Verdict::truncated : Verdict::wrong_text;
  if (call.finishes == 0) return Verdict::truncated;
  if (source == Source::unneeded) return Verdict::served;
  if (call.source.empty() || !call.has_usage) return Verdict::unaccounted;
  return call.first_source.empty() || call.first_source == call.source ? Verdict::served : Verdict::rescued;
}

}  // namespace bellwether::drill
