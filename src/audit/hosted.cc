#include "audit/hosted.h"

#include <array>

namespace bellwether::audit {
namespace {

constexpr std::array rows{
    HostedRow{Feature::streaming, "stream", Hosted::same, "usage in the last chunk when stream_options.include_usage asks for it"},
    HostedRow{Feature::tools, "tools", Hosted::same, "tool_choice required or a named tool is refused while thinking"},
    HostedRow{Feature::json_mode, "response_format json_object", Hosted::same, "the prompt must ask for JSON in words"},
    HostedRow{Feature::guided_decoding, "guided_*, structured_outputs", Hosted::ignored,
              "no grammar binds the answer: use JSON mode or a strict tool, and validate"},
    HostedRow{Feature::logprobs, "logprobs", Hosted::same, "top_logprobs up to 20"},
    HostedRow{Feature::several_choices, "n > 1", Hosted::emulated, "as several requests: the prompt is billed for each, mostly at the cached price"},
    HostedRow{Feature::seed, "seed", Hosted::ignored, "answers are not repeatable"},
    HostedRow{Feature::stop, "stop", Hosted::same, "up to 16 strings"},
    HostedRow{Feature::stop_token_ids, "stop_token_ids", Hosted::ignored, "say the tokens' text in stop"},
    HostedRow{Feature::top_k, "top_k", Hosted::ignored, "use top_p"},
    HostedRow{Feature::min_p, "min_p", Hosted::ignored, "use top_p"},
    HostedRow{Feature::repetition_penalty, "repetition_penalty", Hosted::ignored, "frequency_penalty is near, not equal"},
    HostedRow{Feature::best_of, "best_of", Hosted::emulated, "as several requests, of which the best is kept"},
    HostedRow{Feature::lora, "LoRA adapters", Hosted::refused, "the adapter's name is an unknown model there"},
    HostedRow{Feature::vision, "images", Hosted::same, "by deepseek-flash alone; other models refuse them"},
    HostedRow{Feature::prompt_logprobs, "prompt_logprobs", Hosted::ignored, "nothing gives the prompt's probabilities"},
    HostedRow{Feature::echo, "echo", Hosted::same, "completions alone (beta)"},
    HostedRow{Feature::chat_template_kwargs, "chat_template_kwargs", Hosted::renamed, "thinking is switched by the member `thinking`; the rest is ignored"},
    HostedRow{Feature::embeddings, "embeddings", Hosted::refused, "no such endpoint"},
    HostedRow{Feature::pooling, "score, rerank, classify, pooling", Hosted::refused, "no such endpoint"},
    HostedRow{Feature::temperature, "temperature", Hosted::same, "DeepSeek documents 1.0 there as 0.3 of the V3 weights: compare before moving"},
};

}  // namespace

std::span<const HostedRow> hosted_rows() { return rows; }

std::string_view name_of(Hosted hosted) {
  constexpr std::array<std::string_view, 5> names{"same", "renamed", "emulated", "ignored", "refused"};
  return names[static_cast<std::size_t>(hosted)];
}

}  // namespace bellwether::audit
