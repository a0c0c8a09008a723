// The gateway first, a server of your own when it cannot answer.
//   HOLYSHEEP_API_KEY=hs_… HOLYSHEEP_BASE_URL=http://127.0.0.1:8080/v1 VLLM_URL=http://gpu-1:8000/v1 ./hybrid "안녕하세요"
#include <bellwether/hybrid.hpp>

#include <iostream>

int main(int argc, char** argv) {
  namespace bw = bellwether;
  const bw::HybridClient client{{
      .primary = {.client = bw::ClientOptions::from_env()},
      .fallback = {.client = {.base_url = bw::env("VLLM_URL"), .key_check = bw::KeyCheck::none}, .models = {{"deepseek-chat", "deepseek-ai/DeepSeek-V3"}}},
  }};
  const auto answer = client.chat({.model = "deepseek-chat", .messages = {bw::user(argc > 1 ? argv[1] : "Hello")}});
  if (!answer) {
    std::cerr << answer.error().to_string() << '\n';
    return 1;
  }
  std::cout << answer->text() << '\n';
  std::cerr << "the " << bw::name_of(answer->source) << " answered within " << answer->latency_ms << " ms\n";
}
