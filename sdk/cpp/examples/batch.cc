// Many questions, one a line of standard input, a bounded number of them at once; answers in their order, one JSON object a line.
//   HOLYSHEEP_API_KEY=hs_… HOLYSHEEP_BASE_URL=http://127.0.0.1:8080/v1 ./batch < questions.txt > answers.jsonl
#include <bellwether/client.hpp>

#include <deque>
#include <iostream>
#include <string>

int main() {
  const bellwether::Client client{bellwether::ClientOptions::from_env()};
  constexpr std::size_t at_once = 64;
  std::deque<bellwether::Call<bellwether::ChatCompletion>> under_way;
  int failed = 0;
  const auto take_oldest = [&] {
    const auto answer = under_way.front().get();
    under_way.pop_front();
    if (answer) {
      std::cout << answer->raw() << '\n';
    } else {
      ++failed;
      std::cout << "null\n";
      std::cerr << answer.error().to_string() << '\n';
    }
  };
  for (std::string question; std::getline(std::cin, question);) {
    under_way.push_back(client.async_chat({.model = "deepseek-chat", .messages = {bellwether::user(question)}}).start());
    if (under_way.size() == at_once) take_oldest();
  }
  while (!under_way.empty()) take_oldest();
  std::cerr << failed << " failed\n";
  return failed == 0 ? 0 : 6;
}
