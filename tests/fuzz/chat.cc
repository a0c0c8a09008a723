// A caller's body and an upstream's: read, patched for every dialect, and read again.
#include <cstdint>
#include <string>
#include <tuple>

#include "base/check.h"
#include "chat/embeddings.h"
#include "chat/request.h"
#include "dialects/dialect.h"
#include "dialects/secrets.h"
#include "json/patch.h"

using namespace bellwether;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  text.reserve(text.size() + json::padding);
  static json::Reader reader;
  using catalog::DialectName;
  const catalog::RouteEntry entry{.upstream = 0, .model = "up\"stream", .weight = 1, .defaults = {{"top_k", "5"}}};
  const catalog::Upstream upstream{.name = "u", .base_url = {.host = "u-1", .port = 8000}, .api_key = "key-0123456789"};
  for (const DialectName name : {DialectName::openai, DialectName::deepseek, DialectName::vllm, DialectName::llama_server}) {
    const dialects::Dialect& dialect = dialects::dialect_of(name);
    std::ignore = dialect.read_event(text, reader);
    Failure refusal = dialect.read_refusal(400, text, reader);
    dialects::hide_secrets(refusal, upstream);
    for (const RareText* told : {&refusal.about.text, &refusal.param, &refusal.code}) BW_CHECK(told->str().find(upstream.api_key) == std::string::npos);
    if (const auto reply = dialect.read_reply(chat::Endpoint::chat_completions, text, reader); reply && reply->is_signed) {
      std::string bare = json::without_members(text, chat::signature_members, reader);
      bare.reserve(bare.size() + json::padding);
      const auto again = dialect.read_reply(chat::Endpoint::chat_completions, bare, reader);
      BW_CHECK(again && !again->is_signed);
    }
    for (const chat::Endpoint endpoint : {chat::Endpoint::chat_completions, chat::Endpoint::completions, chat::Endpoint::embeddings}) {
      const auto request = chat::read_request(endpoint, text, reader);
      if (!request) continue;
      std::string body;
      dialect.write_body(*request, entry, reader, body);
      body.reserve(body.size() + json::padding);
      json::Reader second;
      const auto members = second.members(body);
      BW_CHECK(members.has_value());
      const json::Member* model = json::find(*members, "model");
      BW_CHECK(model != nullptr && json::unquote(model->raw) == entry.model);
    }
  }
  std::ignore = chat::to_base64_embeddings(text, reader);
  return 0;
}
