// One question, one answer.
//   HOLYSHEEP_API_KEY=hs_… HOLYSHEEP_BASE_URL=http://127.0.0.1:8080/v1 ./chat "안녕하세요"
#include <bellwether/client.hpp>

#include <iostream>

int main(int argc, char** argv) {
  const bellwether::Client client{bellwether::ClientOptions::from_env()};
  const auto answer = client.chat({.model = "deepseek-chat", .messages = {bellwether::user(argc > 1 ? argv[1] : "Hello")}});
  if (!answer) {
    std::cerr << answer.error().to_string() << '\n';
    return 1;
  }
  std::cout << answer->text() << '\n';
  std::cerr << answer->x_source << " answered in " << answer->x_latency_ms.value_or(0) << " ms";
  if (answer->usage) std::cerr << ", " << answer->usage->total_tokens << " tokens";
  std::cerr << '\n';
}
