// What a user's program may look like: compiled outside the tree by each way of getting at the library.
#include <bellwether/client.hpp>
#include <bellwether/hybrid.hpp>

#include <cstdio>
#include <string>

int main() {
  const bellwether::Client client{bellwether::ClientOptions::from_env()};
  std::string streamed;
  for (auto&& piece : client.chat_stream({.model = "deepseek-chat", .messages = {bellwether::user("Hello")}})) {
    if (!piece) return std::fprintf(stderr, "%s\n", piece.error().to_string().c_str()), 1;
    streamed += piece->text();
  }
  const auto whole = client.chat({.model = "deepseek-chat", .messages = {bellwether::user("Hello")}});
  if (!whole) return std::fprintf(stderr, "%s\n", whole.error().to_string().c_str()), 1;
  if (whole->text() != streamed) return std::fprintf(stderr, "the stream says something else\n"), 1;
  std::printf("%s: %zu bytes\n", bellwether::Client::version(), streamed.size());
}
