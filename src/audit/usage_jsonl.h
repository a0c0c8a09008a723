// Reads recorded answers and traces with token counts in them, as JSON lines, arrays or pages:
//   answers of OpenAI, DeepSeek, vLLM, llama-server (chat, completions, embeddings, responses) and Anthropic;
//   pairs {"request": …, "response": …}, also as strings of JSON, and the output of OpenAI's batches;
//   pages of OpenAI's organisation usage API (buckets with results);
//   observations of Langfuse, as its export or its API gives them.
// Chunks of a stream count where they carry usage; those of one answer share its id.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/json_records.h"
#include "audit/request_fields.h"

namespace bellwether::audit {

[[nodiscard]] bool looks_like_usage_jsonl(std::string_view begin);
[[nodiscard]] std::unique_ptr<Reader> make_usage_jsonl(const ReadingContext& context, Sink& sink);

class UsageJsonl final : public JsonRecords {
 public:
  UsageJsonl(const ReadingContext& context, Sink& sink);

 private:
  enum class Field : std::uint8_t;
  /// What one record, or one object inside it, said so far.
  struct Record {
    std::string id, model, object, url, type;
    std::optional<Instant> begin, end, first, at;
    std::optional<double> latency_ms, first_ms;
    std::optional<std::uint64_t> input, cached, hit, written, details_input, details_cached, details_output, details_total, output, requests;
    std::optional<double> status;
    bool input_excludes_cached = false;  ///< Anthropic's way.
    bool failed = false;
    bool has_choices = false;
    bool holds_records = false;
    bool is_bucket = false;
    bool absurd = false;  ///< A count that is none.
    RequestFields request;
    std::vector<TotalSeen> totals;    ///< Results of a bucket whose times have not come.
    std::vector<std::string> models;  ///< Theirs.
    void clear();
  };

  void begin_record() override;
  void end_record() override;
  void drop_records() override { depth_ = 0; }
  void inside(json::Path path, json::Kind kind) override;
  bool wants(json::Path path) override;
  void value(json::Path path, json::Kind kind, std::string_view key, std::string_view text) override;

  void take(Record& record, Field field, json::Kind kind, std::string_view key, std::string_view text);
  void tell_request(const Record& record);
  void keep_result(Record& bucket, const Record& result);
  void tell_bucket(Record& bucket);

  FieldTable<Field> fields_;
  FieldTable<RequestField> request_fields_;
  std::vector<Record> records_;  ///< Reused; `depth_` of them are open.
  std::size_t depth_ = 0;
};

}  // namespace bellwether::audit
