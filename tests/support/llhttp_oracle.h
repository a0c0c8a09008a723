// What llhttp (Node's parser) makes of a head: the second opinion on http/head. Whatever our reader takes, llhttp must take with
// the same parts; that ours refuses more is meant.
#pragma once

#include <llhttp.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bellwether::tests {

struct OracleHead {
  std::string method, target;
  int status = 0, major = 0, minor = 0;
  std::vector<std::pair<std::string, std::string>> fields;
};

/// Nothing: llhttp refuses it. `bytes` holds a whole head.
inline std::optional<OracleHead> read_by_llhttp(std::string_view bytes, llhttp_type type) {
  struct State {
    OracleHead head;
    std::string name, value;
  } state;
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  const auto of = [](llhttp_t* parser) -> State& { return *static_cast<State*>(parser->data); };
  static const auto state_of = of;
  settings.on_method = [](llhttp_t* parser, const char* at, std::size_t length) { return state_of(parser).head.method.append(at, length), 0; };
  settings.on_url = [](llhttp_t* parser, const char* at, std::size_t length) { return state_of(parser).head.target.append(at, length), 0; };
  settings.on_header_field = [](llhttp_t* parser, const char* at, std::size_t length) { return state_of(parser).name.append(at, length), 0; };
  settings.on_header_value = [](llhttp_t* parser, const char* at, std::size_t length) { return state_of(parser).value.append(at, length), 0; };
  settings.on_header_value_complete = [](llhttp_t* parser) {
    State& state = state_of(parser);
    while (!state.value.empty() && (state.value.back() == ' ' || state.value.back() == '\t')) state.value.pop_back();
    state.head.fields.emplace_back(std::move(state.name), std::move(state.value));
    state.name.clear();
    state.value.clear();
    return 0;
  };
  settings.on_headers_complete = [](llhttp_t*) -> int { return HPE_PAUSED; };
  llhttp_t parser;
  llhttp_init(&parser, type, &settings);
  parser.data = &state;
  const llhttp_errno_t error = llhttp_execute(&parser, bytes.data(), bytes.size());
  if (error != HPE_PAUSED && error != HPE_OK && error != HPE_PAUSED_UPGRADE) return std::nullopt;
  state.head.method = state.head.method.substr(0, state.head.method.find(' '));
  state.head.status = parser.status_code;
  state.head.major = parser.http_major;
  state.head.minor = parser.http_minor;
  return state.head;
}

}  // namespace bellwether::tests
