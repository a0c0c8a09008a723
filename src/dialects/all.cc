// The dialects that there are. Adding one is adding a class and a row.
#include <array>

#include "base/check.h"
#include "dialects/dialect.h"

namespace bellwether::dialects {
namespace {

using catalog::DialectName;

class OpenAi final : public Dialect {
 public:
  [[nodiscard]] std::string_view name() const override { return "openai"; }
};

/// Usage rides on the last chunk with choices, blank lines and comments come while it queues (wire.md §B.5, B.7): the common
/// reading covers both.
class DeepSeek final : public Dialect {
 public:
  [[nodiscard]] std::string_view name() const override { return "deepseek"; }
};

class Vllm final : public Dialect {
 public:
  [[nodiscard]] std::string_view name() const override { return "vllm"; }

 protected:
  [[nodiscard]] bool wants_running_usage() const override { return true; }
};

class LlamaServer final : public Dialect {
 public:
  [[nodiscard]] std::string_view name() const override { return "llama-server"; }
};

const OpenAi openai;
const DeepSeek deepseek;
const Vllm vllm;
const LlamaServer llama_server;

// In the order of the enum, so that the name is the index.
const std::array<const Dialect*, 4> all{&openai, &deepseek, &vllm, &llama_server};

}  // namespace

const Dialect& dialect_of(DialectName name) {
  const auto index = static_cast<std::size_t>(name);
  BW_CHECK(index < all.size());
  return *all[index];
}

std::string_view spelling_of(DialectName name) { return dialect_of(name).name(); }

}  // namespace bellwether::dialects
