// An answer as it is being made.
//   HOLYSHEEP_API_KEY=hs_… HOLYSHEEP_BASE_URL=http://127.0.0.1:8080/v1 ./stream "Tell me about sheep"
#include <bellwether/client.hpp>

#include <iostream>

int main(int argc, char** argv) {
  const bellwether::Client client{bellwether::ClientOptions::from_env()};
  for (auto&& piece : client.chat_stream({.model = "deepseek-chat", .messages = {bellwether::user(argc > 1 ? argv[1] : "Hello")}})) {
    if (!piece) {  // A stream that was cut is an error, never a short answer.
      std::cerr << '\n' << piece.error().to_string() << '\n';
      return 1;
    }
    std::cout << piece->text() << std::flush;
    if (piece->usage) std::cerr << "\n[" << piece->usage->completion_tokens << " tokens]";
  }
  std::cout << '\n';
}
