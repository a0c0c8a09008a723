#include "audit/request_line.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace bellwether::audit {
namespace {

// A request beyond this is no request: the longest contexts are 10 M tokens.
constexpr std::uint64_t tokens_max = 1'000'000'000;

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') <= 9; }

std::optional<std::uint64_t> number_at(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  return value;
}

struct Served {
  std::string_view path;
  Feature features;
};
// Those of vLLM's OpenAI server that run the model; found at the end of a path, because of --root-path.
constexpr std::array served{Served{"/chat/completions", Feature::none},
                            Served{"/completions", Feature::none},
                            Served{"/responses", Feature::none},
                            Served{"/messages", Feature::none},
                            Served{"/embeddings", Feature::embeddings},
                            Served{"/embed", Feature::embeddings},
                            Served{"/score", Feature::pooling},
                            Served{"/rerank", Feature::pooling},
                            Served{"/classify", Feature::pooling},
                            Served{"/pooling", Feature::pooling},
                            Served{"/generate", Feature::none},
                            Served{"/invocations", Feature::none},
                            Served{"/audio/transcriptions", Feature::none},
                            Served{"/audio/translations", Feature::none}};

/// The value of `key=` in a list such as `SamplingParams(n=1, stop=[], …)`, as far as its next comma or bracket.
std::string_view value_of(std::string_view list, std::string_view key) {
  for (std::size_t at = list.find(key); at != std::string_view::npos; at = list.find(key, at + 1)) {
    if (at == 0 || (list[at - 1] != ' ' && list[at - 1] != '(')) continue;  // `prompt_logprobs` ends like `logprobs`.
    const std::string_view rest = list.substr(at + key.size());
    return rest.substr(0, rest.find_first_of(",)"));
  }
  return {};
}

struct Parameter {
  std::string_view key;
  std::array<std::string_view, 4> unset;  ///< Values that ask for nothing.
  Feature feature;
};
constexpr std::array parameters{Parameter{"n=", {"1", "", "", ""}, Feature::several_choices},
                                Parameter{"best_of=", {"None", "1", "", ""}, Feature::best_of},
                                Parameter{"repetition_penalty=", {"1.0", "1", "", ""}, Feature::repetition_penalty},
                                Parameter{"temperature=", {"1.0", "1", "", ""}, Feature::temperature},
                                Parameter{"top_k=", {"-1", "0", "", ""}, Feature::top_k},
                                Parameter{"min_p=", {"0.0", "0", "", ""}, Feature::min_p},
                                Parameter{"seed=", {"None", "", "", ""}, Feature::seed},
                                Parameter{"stop=", {"[]", "None", "", ""}, Feature::stop},
                                Parameter{"stop_token_ids=", {"[]", "None", "", ""}, Feature::stop_token_ids},
                                Parameter{"logprobs=", {"None", "", "", ""}, Feature::logprobs},
                                Parameter{"prompt_logprobs=", {"None", "", "", ""}, Feature::prompt_logprobs},
                                Parameter{"guided_decoding=", {"None", "", "", ""}, Feature::guided_decoding},
                                Parameter{"structured_outputs=", {"None", "", "", ""}, Feature::guided_decoding}};

}  // namespace

std::optional<AccessLine> parse_access(std::string_view text, std::size_t http) {
  // HTTP/1.1" 200
  const std::string_view rest = text.substr(http);
  if (!rest.starts_with("HTTP/") || rest.size() < 13) return std::nullopt;
  const std::size_t quote = rest.find('"');
  if (quote > 8 || rest.size() < quote + 5 || rest[quote + 1] != ' ') return std::nullopt;
  const std::string_view status = rest.substr(quote + 2, 3);
  if (!std::ranges::all_of(status, is_digit) || (rest.size() > quote + 5 && is_digit(rest[quote + 5]))) return std::nullopt;
  AccessLine line;
  line.status = (status[0] - '0') * 100 + (status[1] - '0') * 10 + (status[2] - '0');
  const std::size_t open = text.substr(0, http).rfind('"');
  if (open == std::string_view::npos || line.status < 100 || line.status > 599) return std::nullopt;
  const std::string_view request = text.substr(open + 1, http - open - 1);
  const std::size_t space = request.find(' ');
  if (space == std::string_view::npos || !request.ends_with(' ')) return std::nullopt;
  line.method = request.substr(0, space);
  line.path = request.substr(space + 1, request.size() - space - 2);
  line.path = line.path.substr(0, line.path.find('?'));
  return line;
}

std::optional<Feature> served_by_model(std::string_view method, std::string_view path) {
  if (method != "POST") return std::nullopt;
  for (const Served& one : served)
    if (path.ends_with(one.path)) return one.features;
  return std::nullopt;
}

GuideParsed parse_guide(std::string_view text, std::size_t begin) {
  constexpr std::string_view input_key = "Input tokens: ", output_key = "Output tokens: ";
  std::string_view rest = text.substr(begin);
  if (!rest.starts_with(input_key)) return {};
  rest.remove_prefix(input_key.size());
  if (rest.empty() || (!is_digit(rest.front()) && rest.front() != '-')) return {};
  const std::size_t output_at = rest.rfind(output_key);
  if (output_at == std::string_view::npos) return {};
  const std::string_view output_text = rest.substr(output_at + output_key.size());
  if (output_text.empty() || (!is_digit(output_text.front()) && output_text.front() != '-')) return {};
  const auto input = number_at(rest), output = number_at(output_text);
  if (!input || !output || *input > tokens_max || *output > tokens_max) return {.line = std::nullopt, .impossible = true};
  return {.line = GuideLine{*input, *output}};
}

std::optional<ReceivedLine> parse_received(std::string_view text, std::size_t begin) {
  constexpr std::string_view words = "Received request ";
  std::string_view rest = text.substr(begin);
  if (!rest.starts_with(words)) return std::nullopt;
  rest.remove_prefix(words.size());
  ReceivedLine line;
  line.id = rest.substr(0, rest.find(": "));
  if (line.id.size() == rest.size() || line.id.empty() || line.id.size() > 200 || line.id.find(' ') != std::string_view::npos) return std::nullopt;
  // A prompt stands before the parameters and may hold any text: theirs are the last.
  const std::size_t list = rest.rfind("SamplingParams(");
  if (list == std::string_view::npos) {
    if (rest.rfind("PoolingParams(") != std::string_view::npos) line.features = Feature::pooling;
    return line;
  }
  const std::string_view parameters_text = rest.substr(list + 14);
  for (const Parameter& parameter : parameters) {
    const std::string_view value = value_of(parameters_text, parameter.key);
    if (!value.empty() && std::ranges::find(parameter.unset, value) == parameter.unset.end()) line.features = line.features | parameter.feature;
  }
  line.max_tokens = number_at(value_of(parameters_text, "max_tokens="));
  constexpr std::string_view lora = "lora_request: ";
  if (const std::size_t at = parameters_text.find(lora); at != std::string_view::npos && !parameters_text.substr(at + lora.size()).starts_with("None"))
    line.features = line.features | Feature::lora;
  return line;
}

}  // namespace bellwether::audit
