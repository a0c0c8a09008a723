#include "audit/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "audit/access_lines.h"
#include "audit/gateway_log.h"
#include "audit/litellm_spend.h"
#include "audit/prometheus_api.h"
#include "audit/prometheus_text.h"
#include "audit/usage_jsonl.h"
#include "audit/vllm_log.h"
#include "json/reader.h"

namespace bellwether::audit {
namespace {

// A row a format. The first that knows its own is taken.
constexpr std::array table{
    Format{"prometheus-text", "a page of vLLM's /metrics (\"vllm:prompt_tokens_total{…} …\"), or several", looks_like_prometheus_text, make_prometheus_text},
    Format{"prometheus-api", "a Prometheus server's answer or VictoriaMetrics' export (JSON with vllm: series)", looks_like_prometheus_api,
           make_prometheus_api},
    Format{"bellwether-log", "Bellwether's access log", looks_like_gateway_log, make_gateway_log},
    Format{"litellm-json", "LiteLLM's spend logs or daily tables (JSON)", looks_like_litellm_json, make_litellm_json},
    Format{"litellm-csv", "LiteLLM's spend logs or daily tables (CSV with a heading)", looks_like_litellm_csv, make_litellm_csv},
    Format{"access-json", "an access log of JSON lines (request, status, request_time)", looks_like_access_json, make_access_json},
    Format{"usage-jsonl", "recorded answers, batches, usage pages or Langfuse observations (JSON with \"usage\")", looks_like_usage_jsonl, make_usage_jsonl},
    Format{"vllm-log", "a vLLM server log (\"Avg prompt throughput: …\", \"POST /v1/… HTTP/1.1\", \"Input tokens: …\")", looks_like_vllm_log, make_vllm_log},
    Format{"access-log", "an access log of nginx, HAProxy or uvicorn", looks_like_access_lines, make_access_lines},
};

bool is_binary(std::string_view begin) {
  // Logs that were cut or copied while they were written hold stretches of NUL: half a page of text amid them is a log.
  const auto odd = static_cast<std::size_t>(std::ranges::count_if(begin, [](char c) { return static_cast<unsigned char>(c) < 9; }));
  return odd * 10 > begin.size() && begin.size() - odd < 2048;
}

struct Magic {
  std::string_view bytes, name;
};
constexpr std::array magics{Magic{"\x1f\x8b", "gzip"},
                            Magic{"\x28\xb5\x2f\xfd", "zstd"},
                            Magic{"BZh", "bzip2"},
                            Magic{"\xfd"
                                  "7zXZ",
                                  "xz"},
                            Magic{"PK\x03\x04", "a zip archive"},
                            Magic{"PAR1", "Parquet"},
                            Magic{"\x7f"
                                  "ELF",
                                  "a program"},
                            Magic{"%PDF", "a PDF"},
                            Magic{"SQLite format 3", "an SQLite database"}};

/// For a message, of what nothing was recognised in: noise has a tenth of control characters, text has none to speak of.
bool is_no_text(std::string_view begin) {
  const auto odd = std::ranges::count_if(begin, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r' && byte != 0x1b) || byte == 0x7f;
  });
  return static_cast<std::size_t>(odd) * 20 > begin.size();
}

constexpr std::size_t quoted_max = 60;

std::string first_line(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  std::string_view cut = text.substr(0, quoted_max);
  while (!cut.empty() && cut.size() < text.size() && (static_cast<unsigned char>(text[cut.size()]) & 0xC0) == 0x80) cut.remove_suffix(1);
  return json::quote(cut) + (cut.size() < text.size() ? " …" : "");
}

}  // namespace

std::span<const Format> formats() { return table; }

const Format* detect(std::string_view begin) {
  for (const Format& format : table)
    if (format.looks_like(begin)) return &format;
  for (const Magic& magic : magics)
    if (begin.starts_with(magic.bytes)) return nullptr;
  if (is_binary(begin)) return nullptr;
  return &*std::ranges::find(table, "vllm-log", &Format::name);
}

std::string describe(std::string_view begin) {
  if (begin.empty()) return "an empty file";
  for (const Magic& magic : magics)
    if (begin.starts_with(magic.bytes)) return std::string(magic.name);
  if (is_no_text(begin)) return "binary data";
  const std::size_t text = begin.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  if (text == std::string_view::npos) return "blank lines";
  const std::string_view rest = begin.substr(text);
  if (rest.starts_with('{') || rest.starts_with('[')) return "JSON that begins " + first_line(rest);
  if (rest.starts_with("<")) return "HTML or XML that begins " + first_line(rest);
  return "text that begins " + first_line(rest);
}

}  // namespace bellwether::audit
