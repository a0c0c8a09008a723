#include "audit/request_fields.h"

namespace bellwether::audit {
namespace {

using Row = FieldTable<RequestField>::Row;

constexpr std::array rows{
    Row{"model", RequestField::model},
    Row{"stream", RequestField::stream},
    Row{"tools[]", RequestField::tools},
    Row{"functions[]", RequestField::tools},
    Row{"response_format.type", RequestField::response_format},
    Row{"text.format.type", RequestField::response_format},  // The Responses API's.
    Row{"guided_json", RequestField::guided},
    Row{"guided_regex", RequestField::guided},
    Row{"guided_choice", RequestField::guided},
    Row{"guided_grammar", RequestField::guided},
    Row{"structured_outputs", RequestField::guided},
    Row{"logprobs", RequestField::logprobs},
    Row{"top_logprobs", RequestField::logprobs},
    Row{"prompt_logprobs", RequestField::prompt_logprobs},
    Row{"n", RequestField::n},
    Row{"seed", RequestField::seed},
    Row{"stop", RequestField::stop},
    Row{"stop[]", RequestField::stop},
    Row{"stop_token_ids[]", RequestField::stop_token_ids},
    Row{"top_k", RequestField::top_k},
    Row{"min_p", RequestField::min_p},
    Row{"repetition_penalty", RequestField::repetition_penalty},
    Row{"best_of", RequestField::best_of},
    Row{"echo", RequestField::echo},
    Row{"chat_template_kwargs", RequestField::chat_template_kwargs},
    Row{"temperature", RequestField::temperature},
    Row{"max_tokens", RequestField::tokens_max},
    Row{"max_completion_tokens", RequestField::tokens_max},
    Row{"max_output_tokens", RequestField::tokens_max},
    Row{"messages[].content[].type", RequestField::content_type},
    Row{"input[].content[].type", RequestField::content_type},
};

}  // namespace

std::span<const Row> request_rows() { return rows; }

Outcome outcome_of_status(int status) {
  if (status >= 200 && status < 400) return Outcome::served;
  return status == 499 || status < 100 ? Outcome::aborted : Outcome::failed;
}

void RequestFields::clear() {
  features_ = Feature::none;
  model_.clear();
  tokens_max_.reset();
}

void RequestFields::value(RequestField field, json::Kind kind, std::string_view text) {
  if (kind == json::Kind::null) return;
  const double number = kind == json::Kind::number ? to_double(text).value_or(0) : 0;
  const bool yes = text == "true" && kind == json::Kind::boolean;
  const auto add_if = [&](bool condition, Feature feature) {
    if (condition) add(feature);
  };
  switch (field) {
    case RequestField::none: return;
    case RequestField::model: model_.assign(text); return;
    case RequestField::stream: return add_if(yes, Feature::streaming);
    case RequestField::response_format: return add_if(text == "json_object" || text == "json_schema", Feature::json_mode);
    // vLLM's defaults, written out by libraries that always send them, are no use of a feature: top_k -1 or 0, min_p 0, a penalty of 1.
    case RequestField::top_k: return add_if(number > 0, Feature::top_k);
    case RequestField::min_p: return add_if(number > 0, Feature::min_p);
    case RequestField::repetition_penalty: return add_if(kind == json::Kind::number && number != 1, Feature::repetition_penalty);
    case RequestField::n: return add_if(number > 1, Feature::several_choices);
    case RequestField::best_of: return add_if(number > 1, Feature::best_of);
    case RequestField::logprobs: return add_if(yes || number > 0, Feature::logprobs);
    case RequestField::prompt_logprobs: return add_if(kind == json::Kind::number, Feature::prompt_logprobs);
    case RequestField::seed: return add(Feature::seed);
    case RequestField::stop: return add_if(!text.empty(), Feature::stop);
    case RequestField::stop_token_ids: return add(Feature::stop_token_ids);
    case RequestField::echo: return add_if(yes, Feature::echo);
    case RequestField::temperature: return add(Feature::temperature);
    case RequestField::guided: return add_if(!text.empty(), Feature::guided_decoding);
    case RequestField::tools: return add(Feature::tools);
    case RequestField::chat_template_kwargs: return;
    case RequestField::tokens_max:
      if (const auto count = to_count(text)) tokens_max_ = count;
      return;
    case RequestField::content_type: return add_if(text == "image_url" || text == "input_image" || text == "video_url", Feature::vision);
  }
}

void RequestFields::inside(RequestField field) {
  if (field == RequestField::tools) add(Feature::tools);
  if (field == RequestField::guided) add(Feature::guided_decoding);
  if (field == RequestField::chat_template_kwargs) add(Feature::chat_template_kwargs);
}

}  // namespace bellwether::audit
