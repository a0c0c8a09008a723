#include "cli/bench_prompts.h"

#include <fmt/format.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <array>
#include <string_view>

#include "base/random.h"
#include "json/reader.h"
#include "store/data_folder.h"

namespace bellwether::cli {
namespace {

using Json = nlohmann::ordered_json;

// Common words that the usual tokenizers have whole, with the space before them.
constexpr std::array<std::string_view, 64> words{
    "time",     "year",    "people",     "way",     "day",     "man",   "thing", "woman", "life", "child",    "world",   "school", "state",
    "family",   "student", "group",      "country", "problem", "hand",  "part",  "place", "case", "week",     "company", "system", "program",
    "question", "work",    "government", "number",  "night",   "point", "home",  "water", "room", "mother",   "area",    "money",  "story",
    "fact",     "month",   "lot",        "right",   "study",   "book",  "eye",   "job",   "word", "business", "issue",   "side",   "kind",
    "head",     "house",   "service",    "friend",  "father",  "power", "hour",  "game",  "line", "end",      "member",  "law"};

std::unexpected<Failure> wrong(std::string text) { return failed(Reason::request_malformed, PublicText{std::move(text)}); }

}  // namespace

Result<Prompts> Prompts::read(const std::string& file) {
  if (::access(file.c_str(), R_OK) != 0) return wrong("cannot read " + file);
  const auto text = store::read_file(file);
  if (!text) return wrong(text.error().detail.text.str());
  Prompts prompts{MadePrompts{}};
  std::size_t number = 0;
  for (std::size_t at = 0; at < text->size();) {
    const std::size_t end = std::min(text->find('\n', at), text->size());
    const std::string_view line = std::string_view(*text).substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.find_first_not_of(" \r\t") == std::string_view::npos) continue;
    const auto complain = [&](std::string_view what) { return wrong(fmt::format("{}:{}: {}", file, number, what)); };
    const Json json = Json::parse(line, nullptr, false);
    if (!json.is_object()) return complain("this is no JSON object; a line is {\"prompt\":\"…\"} or {\"messages\":[…]}");
    Line prompt;
    if (json.contains("messages")) {
      if (!json["messages"].is_array() || json["messages"].empty()) return complain("messages is to be a list with something in it");
      prompt.messages = json["messages"].dump();
    } else if (json.contains("prompt") && json["prompt"].is_string()) {
      prompt.messages = fmt::format(R"([{{"role":"user","content":{}}}])", json::quote(json["prompt"].get_ref<const std::string&>()));
    } else {
      return complain("there is neither prompt (a text) nor messages (a list)");
    }
    if (json.contains("max_tokens")) {
      if (!json["max_tokens"].is_number_unsigned() || json["max_tokens"] == 0) return complain("max_tokens is to be a number above 0");
      prompt.output_tokens = json["max_tokens"];
    }
    prompts.lines_.push_back(std::move(prompt));
  }
  if (prompts.lines_.empty()) return wrong(file + " has no prompt: a line is {\"prompt\":\"…\"} or {\"messages\":[…]}");
  return prompts;
}

std::string Prompts::body(std::uint64_t number, const std::string& model_quoted, const BodyOptions& options) const {
  std::string messages;
  std::uint64_t output_tokens = options.output_tokens;
  if (!lines_.empty()) {
    const Line& line = lines_[number % lines_.size()];
    messages = line.messages;
    if (line.output_tokens > 0) output_tokens = line.output_tokens;
  } else {
    Random random{made_.seed * 0x9e3779b97f4a7c15ULL + number};
    messages = fmt::format(R"([{{"role":"user","content":"{}:)", number);
    for (std::uint64_t i = 2; i < made_.input_tokens; ++i) {
      messages += ' ';
      messages += words[random.below(words.size())];
    }
    messages += R"("}])";
  }
  return fmt::format(R"({{"model":{},"messages":{},"max_tokens":{}{}{}{}}})", model_quoted, messages, output_tokens,
                     options.stream ? R"(,"stream":true,"stream_options":{"include_usage":true})" : "", options.more.empty() ? "" : ",", options.more);
}

Result<std::string> members_to_add(const std::string& object) {
  const Json json = Json::parse(object, nullptr, false);
  if (!json.is_object()) return wrong("--request takes a JSON object such as {\"temperature\":0}");
  for (const char* name : {"model", "messages", "stream", "stream_options", "max_tokens"})
    if (json.contains(name)) return wrong(fmt::format("--request: {} has a flag of its own", name));
  const std::string text = json.dump();
  return text.substr(1, text.size() - 2);
}

}  // namespace bellwether::cli
