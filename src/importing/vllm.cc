#include "importing/vllm.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <set>
#include <span>

#include "base/nearest.h"
#include "config/read.h"
#include "importing/draft.h"
#include "importing/vllm_flags.h"

namespace bellwether::importing {
namespace {

using enum Verdict;

constexpr std::string_view stays = "nothing to do: stays with vLLM";
constexpr std::uint32_t concurrency_max = 65'535;  // config/

struct Value {
  std::string text;
  const Word* word;
};

/// Reads one launch. Lives while it does.
class VllmReader {
 public:
  explicit VllmReader(const Launch& launch) : launch_{launch}, findings_{launch.findings} {}
  [[nodiscard]] Imported read();

 private:
  using Values = std::vector<Value>;
  void arguments();
  void flag(const Word& word, std::size_t& next);
  void judge(std::string_view name, const Word& at, const Values& values, bool negated);
  bool network(std::string_view name, const Word& at, const Values& values);
  bool models(std::string_view name, const Word& at, const Values& values);
  bool capacity(std::string_view name, const Word& at, const Values& values);
  bool others(std::string_view name, const Word& at, const Values& values, bool negated);
  void api_key(const Word& at, const Values& values);
  void lora_modules(const Word& at, const Values& values);
  void environment();
  void address();
  void served();
  void advise();
  void tell(std::string_view field, Place at, Verdict verdict, std::string text) { findings_.push_back({std::string(field), at, verdict, std::move(text)}); }
  [[nodiscard]] static std::optional<std::uint32_t> count_of(const Values& values, std::uint32_t max);
  /// Told as manual: a variable whose value nobody knows.
  [[nodiscard]] bool is_known(std::string_view name, const Word& at, const Values& values);

  const Launch& launch_;
  std::vector<Finding> findings_;
  std::vector<std::string> advice_;
  ConfigDraft draft_;
  UpstreamDraft upstream_{.name = "vllm", .dialect = "vllm"};
  std::string model_;
  std::optional<std::pair<std::string, Place>> host_, root_path_;
  std::string uds_;
  std::uint16_t port_ = 8000;  // vLLM's default
  bool tls_ = false;
  std::vector<std::string> served_names_;
  std::vector<std::pair<std::string, Place>> loras_;
  std::optional<std::uint32_t> sequences_;
  std::uint32_t engines_ = 1;
  bool has_key_ = false;
  std::set<std::string_view> seen_;
  std::size_t looked_up_ = 0;  ///< Unknown flags whose nearest was looked for.
  std::vector<std::string> comments_;
};

bool looks_like_flag(std::string_view word) { return word.size() > 1 && word.front() == '-' && !(word[1] >= '0' && word[1] <= '9') && word[1] != '.'; }

std::optional<std::uint32_t> VllmReader::count_of(const Values& values, std::uint32_t max) {
  if (values.empty()) return std::nullopt;
  const std::string& text = values.front().text;
  std::uint32_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || end != text.data() + text.size() || count == 0 || count > max) return std::nullopt;
  return count;
}

bool VllmReader::is_known(std::string_view name, const Word& at, const Values& values) {
  for (const Value& value : values) {
    // The word's own variables, of `--flag=$X` and `$X` alike.
    if (value.word->unknown.empty()) continue;
    tell(name, at.at, manual,
         fmt::format("its value stands in {}, which is not known here: put it into the config by hand", fmt::join(value.word->unknown, ", ")));
    return false;
  }
  if (!values.empty() && !values.front().text.empty()) return true;
  tell(name, at.at, manual, "it has no value");
  return false;
}

void VllmReader::arguments() {
  for (std::size_t i = 0; i < launch_.arguments.size();) {
    const Word& word = launch_.arguments[i++];
    if (looks_like_flag(word.text)) {
      flag(word, i);
    } else if (model_.empty() && !seen_.contains("MODEL")) {
      seen_.insert("MODEL");
      if (!is_known("MODEL", word, {Value{word.text, &word}})) continue;
      model_ = word.text;
      tell("MODEL", word.at, exact, "the model's name at the upstream");
    } else {
      tell("argument", word.at, unsupported, "it belongs to no flag");
    }
  }
}

void VllmReader::flag(const Word& word, std::size_t& next) {
  const std::size_t equals = word.text.find('=');
  std::string name = word.text.substr(0, equals);
  if (word.text.starts_with("-O") && !word.text.starts_with("--")) name = "-O";
  bool negated = false;
  const VllmFlag* known = find_vllm_flag(name);
  if (known == nullptr && (name.starts_with("--no-") || name.starts_with("--no_"))) {
    known = find_vllm_flag("--" + name.substr(5));
    negated = known != nullptr;
  }
  Values values;
  const bool attached = equals != std::string::npos;
  if (attached) values.push_back({word.text.substr(equals + 1), &word});
  const auto more = [&] { return next < launch_.arguments.size() && !looks_like_flag(launch_.arguments[next].text); };
  const auto take = [&] {
    values.push_back({launch_.arguments[next].text, &launch_.arguments[next]});
    ++next;
  };
  if (known == nullptr) {
    if (!attached && more()) take();
    // Looking for it costs more than all else: whoever has so many unknown flags has another program's.
    constexpr std::size_t looked_up_max = 12, flag_bytes_max = 64;
    const bool looks_up = name.size() <= flag_bytes_max && looked_up_++ < looked_up_max;
    std::vector<std::string_view> alike;  // Of about its length: a distance is no less than the difference of both.
    for (const std::string_view known_name : vllm_flag_names())
      if (known_name.size() * 3 <= name.size() * 4 + 4 && name.size() * 3 <= known_name.size() * 4 + 4) alike.push_back(known_name);
    const auto near = looks_up ? nearest(name, alike, 1) : std::vector<std::string_view>{};
    return tell(name.size() > 64 ? name.substr(0, 64) : name, word.at, unsupported,
                fmt::format("not a flag of vLLM's known to us{}", near.empty() ? std::string{} : fmt::format("; nearest is {}", near.front())));
  }
  const bool takes_some = known->takes == Takes::some;
  const bool attached_number = name == "-O" && word.text.size() > 2;
  if (!attached && !negated && !attached_number && known->takes != Takes::nothing && more()) take();
  while (takes_some && !negated && more()) take();
  seen_.insert(known->name);
  judge(known->name, word, values, negated);
}

void VllmReader::judge(std::string_view name, const Word& at, const Values& values, bool negated) {
  if (negated ? others(name, at, values, negated)
              : network(name, at, values) || models(name, at, values) || capacity(name, at, values) || others(name, at, values, negated))
    return;
  tell(name, at.at, exact, std::string(stays));
}

bool VllmReader::network(std::string_view name, const Word& at, const Values& values) {
  if (name == "--host") {
    if (is_known(name, at, values)) host_ = {values.front().text, at.at};
  } else if (name == "--port") {
    if (!is_known(name, at, values)) return true;
    const auto port = count_of(values, 65'535);
    if (port) port_ = static_cast<std::uint16_t>(*port);
    tell(name, at.at, port ? exact : manual, port ? "the port in base_url" : "no port; set it in base_url");
  } else if (name == "--uds") {
    if (!is_known(name, at, values)) return true;
    uds_ = values.front().text;
    const bool fits = config::parse_url("unix:" + uds_ + ":/v1").has_value() && uds_.starts_with('/') && uds_.find(':') == std::string::npos;
    if (!fits) uds_.clear();
    tell(name, at.at, fits ? exact : manual,
         fits ? "base_url = \"unix:…:/v1\"; Bellwether's user has to be allowed to open the socket"
              : "no whole path of a socket; set base_url = \"unix:PATH:/v1\"");
  } else if (name == "--root-path") {
    tell(name, at.at, approximate,
         "base_url stays at /v1, where vLLM answers; the path is that of a proxy in front of it, which Bellwether does not go through");
  } else if (name == "--ssl-keyfile" || name == "--ssl-certfile") {
    tls_ = true;
    tell(name, at.at, name == "--ssl-certfile" ? manual : exact,
         name == "--ssl-certfile" ? "base_url has https: it has to name a host of this certificate, and SSL_CERT_FILE its authority, if that is your own"
                                  : "base_url has https");
  } else if (name == "--ssl-cert-reqs") {
    const bool wanted = !values.empty() && values.front().text != "0";
    tell(name, at.at, wanted ? unsupported : exact,
         wanted ? "vLLM wants a certificate of its callers, and Bellwether shows none" : "no certificate is asked of callers");
  } else if (name == "--ssl-ca-certs") {
    tell(name, at.at, exact, "for certificates of callers, which are asked for by --ssl-cert-reqs only");
  } else if (name == "--api-key") {
    api_key(at, values);
  } else if (name == "--allowed-origins" || name == "--allowed-methods" || name == "--allowed-headers") {
    tell(name, at.at, unsupported, "Bellwether answers no browser of another origin (CORS): put such pages behind their own server");
  } else {
    return false;
  }
  return true;
}

void VllmReader::api_key(const Word& at, const Values& values) {
  has_key_ = true;
  const std::string variable = values.empty() ? std::string{} : values.front().word->variable;
  const bool named = is_variable_name(variable);
  upstream_.api_key_variable = named ? variable : "VLLM_API_KEY";
  std::string text = named ? fmt::format("api_key = {{ env = \"{}\" }}", variable)
                           : "the key is not copied: put it into the environment variable VLLM_API_KEY of Bellwether, which api_key names";
  if (values.size() > 1) text += "; the first of several keys is enough";
  tell("--api-key", at.at, named ? exact : manual, std::move(text));
}

bool VllmReader::models(std::string_view name, const Word& at, const Values& values) {
  if (name == "--model") {
    if (!is_known(name, at, values)) return true;
    model_ = values.front().text;
    tell(name, at.at, exact, "the model's name at the upstream");
  } else if (name == "--served-model-name") {
    if (!is_known(name, at, values)) return true;
    served_names_.clear();
    for (const Value& value : values) served_names_.push_back(value.text);
    tell(name, at.at, exact, served_names_.size() > 1 ? "the first is the model's name, the others its aliases" : "the model's name");
  } else if (name == "--lora-modules") {
    lora_modules(at, values);
  } else if (name == "--prompt-adapters") {
    tell(name, at.at, manual, "add a [model.…] for each, as for a LoRA");
  } else if (name == "--task" || name == "--runner" || name == "--convert") {
    static constexpr std::array<std::string_view, 7> served{"auto", "generate", "embed", "embedding", "pooling", "draft", "none"};
    const bool is_served = !values.empty() && std::ranges::find(served, std::string_view(values.front().text)) != served.end();
    tell(name, at.at, is_served ? exact : unsupported,
         is_served ? "chat, completions and embeddings are served for every model" : "Bellwether serves chat, completions and embeddings only");
  } else if (name == "--config") {
    tell(name, at.at, manual, "the file is not read: give its settings as flags (vLLM takes each line of it as one)");
  } else if (name == "--middleware") {
    tell(name, at.at, exact, std::string(stays));
  } else {
    return false;
  }
  return true;
}

void VllmReader::lora_modules(const Word& at, const Values& values) {
  std::size_t taken = 0;
  for (const Value& value : values) {
    std::string lora;
    if (value.text.starts_with('{')) {
      const nlohmann::json json = nlohmann::json::parse(value.text, nullptr, false);
      if (json.is_object() && json.contains("name") && json["name"].is_string()) lora = json["name"].get<std::string>();
    } else if (value.word->unknown.empty()) {
      lora = value.text.substr(0, value.text.find('='));
    }
    if (!is_model_name(lora)) continue;
    loras_.emplace_back(lora, at.at);
    ++taken;
  }
  const bool all = taken == values.size() && taken > 0;
  tell("--lora-modules", at.at, all ? exact : manual,
       all ? "a model of its own for each" : "not all of it is NAME=PATH or JSON with a name: add a [model.…] for each that is missing");
}

bool VllmReader::capacity(std::string_view name, const Word& at, const Values& values) {
  if (name == "--max-model-len") {
    const bool known =
        !values.empty() && values.front().word->unknown.empty() && values.front().text.size() < 20 &&
        std::ranges::all_of(values.front().text, [](char c) { return (c >= '0' && c <= '9') || (c | 0x20) == 'k' || (c | 0x20) == 'm' || c == '.'; });
    if (known) comments_.push_back(fmt::format("A prompt and its answer have {} tokens together at most (--max-model-len).", values.front().text));
    tell(name, at.at, exact, "vLLM refuses what is longer, and the caller is told; an entry with for = \"context_too_long\" would be asked then");
  } else if (name == "--max-num-seqs") {
    if (!is_known(name, at, values)) return true;
    sequences_ = count_of(values, concurrency_max);
    tell(name, at.at, sequences_ ? approximate : manual,
         sequences_ ? "concurrency of the upstream: what vLLM would let wait waits here, for 30 s, and then goes elsewhere or is refused"
                    : "no count; it would be concurrency = { max } of the upstream");
  } else if (name == "--data-parallel-size") {
    if (const auto count = count_of(values, 1024)) engines_ = *count;
    tell(name, at.at, exact, "each engine takes --max-num-seqs at once; otherwise it stays with vLLM");
  } else if (name == "--data-parallel-external-lb" || name == "--data-parallel-hybrid-lb" || name == "--data-parallel-rank") {
    tell(name, at.at, manual, "each rank is a server of its own: add an [upstream.…] for each and put all into the route, with policy = \"least_outstanding\"");
  } else if (name == "--headless") {
    tell(name, at.at, unsupported, "this node has no API: import the command of the one that has");
  } else if (name == "--grpc") {
    tell(name, at.at, unsupported, "Bellwether speaks HTTP to upstreams");
  } else {
    return false;
  }
  return true;
}

bool VllmReader::others(std::string_view name, const Word& at, const Values&, bool negated) {
  if (negated) {
    tell(name, at.at, exact, std::string(stays));
    seen_.erase(name);
  } else if (name == "--enable-prompt-tokens-details" || name == "--enable-force-include-usage") {
    tell(name, at.at, exact, "usage is read, cached tokens included where they are told");
  } else if (name == "--enable-request-id-headers") {
    tell(name, at.at, exact, "a request has the same id in Bellwether's log and in vLLM's");
  } else if (name == "--disable-log-stats") {
    tell(name, at.at, approximate, "`bellwether audit` finds no throughput in vLLM's log then; its /metrics still tell");
  } else {
    return false;
  }
  return true;
}

void VllmReader::environment() {
  for (const Setting& setting : launch_.environment) {
    if (setting.name == "VLLM_API_KEY") {
      if (!has_key_) upstream_.api_key_variable = "VLLM_API_KEY";
      tell(setting.name, setting.at, has_key_ ? exact : manual,
           has_key_ ? "--api-key goes before it" : "the key is not copied: set VLLM_API_KEY for Bellwether as well, which api_key names");
      has_key_ = true;
    } else if (setting.name == "VLLM_ALLOW_RUNTIME_LORA_UPDATING") {
      tell(setting.name, setting.at, manual, "a LoRA that is loaded while vLLM runs needs a [model.…] here and a reload");
    } else if (setting.name.starts_with("VLLM_")) {
      tell(setting.name, setting.at, exact, std::string(stays));
    }
  }
}

void VllmReader::address() {
  std::string host = launch_.host;
  const bool contained = !host.empty();
  if (contained) tell("address", {}, approximate, launch_.host_why);
  const bool any = host_ && (host_->first == "0.0.0.0" || host_->first == "::" || host_->first == "[::]");
  if (!contained && (!host_ || any)) {
    host = "127.0.0.1";
    constexpr std::string_view elsewhere = "base_url names this machine: write the vLLM's name if Bellwether runs elsewhere";
    if (host_) tell("--host", host_->second, approximate, std::string(elsewhere));
    else if (uds_.empty()) tell("address", {}, approximate, fmt::format("no --host: {}", elsewhere));
  } else if (host_) {
    if (!contained) host = host_->first;
    tell("--host", host_->second, exact, contained ? std::string(stays) : "the host in base_url");
  }
  if (const auto published = launch_.published.find(port_); published != launch_.published.end()) port_ = published->second;
  if (host.find(':') != std::string::npos && !host.starts_with('[')) host = "[" + host + "]";
  upstream_.base_url = uds_.empty() ? fmt::format("{}://{}:{}/v1", tls_ ? "https" : "http", host, port_) : fmt::format("unix:{}:/v1", uds_);
  if (!config::parse_url(upstream_.base_url)) {
    upstream_.base_url = "http://set-this-address.invalid/v1";
    for (Finding& finding : findings_)
      if (finding.field == "--host") finding.verdict = manual, finding.text = "no name or address of a host: set base_url";
    if (!host_) tell("address", {}, manual, "no name or address of a host is known: set base_url");
  }
}

/// The models: the served names or the model itself, and each LoRA.
void VllmReader::served() {
  std::vector<std::string> names = served_names_;
  if (names.empty() && !model_.empty()) names.push_back(model_);
  std::set<std::string> taken;
  const auto take = [&](const std::string& name) { return is_model_name(name) && taken.insert(folded(name)).second; };
  if (std::erase_if(names, [&](const std::string& name) { return !take(name); }) > 0)
    tell("--served-model-name", {}, manual,
         "a name of them is left out: it stands twice (case does not count), or is no text of 1 to 200 bytes without control characters");
  if (names.empty()) {
    tell("MODEL", {}, manual,
         "its name is not known: a config without models serves what the vLLM lists; name it in a [model.…] to give it aliases, a price or a fallback");
    return;
  }
  ModelDraft model{.id = names.front(), .aliases = {names.begin() + 1, names.end()}};
  model.route.push_back({.upstream = upstream_.name, .model = model.id});
  draft_.models.push_back(std::move(model));
  for (const auto& [lora, at] : loras_) {
    constexpr std::size_t models_max = 10'000;  // config/
    if (draft_.models.size() == models_max) break;
    if (!take(lora)) {
      tell("--lora-modules", at, manual, fmt::format("a model called {} is there already (case does not count)", lora));
      continue;
    }
    ModelDraft adapter{.id = lora};
    adapter.route.push_back({.upstream = upstream_.name, .model = lora});
    draft_.models.push_back(std::move(adapter));
  }
}

void VllmReader::advise() {
  const auto lacks = [&](std::string_view name) { return !seen_.contains(name); };
  if (lacks("--enable-prompt-tokens-details"))
    advice_.emplace_back("add --enable-prompt-tokens-details to vLLM: usage then tells cached tokens, which have a price of their own");
  if (lacks("--enable-force-include-usage"))
    advice_.emplace_back(
        "add --enable-force-include-usage: streams of callers that still go straight to vLLM then tell their usage too (through Bellwether they always do)");
  if (lacks("--enable-request-id-headers"))
    advice_.emplace_back("add --enable-request-id-headers: vLLM's replies then carry the request's id, the same as in Bellwether's log");
  if (lacks("--enable-per-request-metrics"))
    advice_.emplace_back("where your vLLM has it (2026), --enable-per-request-metrics gives callers the time to the first token in the reply");
  if (has_key_) advice_.emplace_back("vLLM's key guards /v1, /v2 and /inference only: /metrics, /tokenize and /health stay open to whoever reaches the port");
  else if (uds_.empty())
    advice_.emplace_back("anyone who reaches this port can use the vLLM without a key: bind it to Bellwether's network (--host), or give it --api-key");
}

Imported VllmReader::read() {
  arguments();
  environment();
  address();
  if (sequences_) {
    upstream_.concurrency = std::min(*sequences_ * std::min(engines_, concurrency_max / *sequences_ + 1), concurrency_max);
    upstream_.queue = 1024;  // vLLM's own queue has no end; this one keeps a burst.
    upstream_.queue_for = std::chrono::seconds(30);
  }
  upstream_.first_token = std::chrono::seconds(120);  // vLLM is silent while a request waits and while its prompt is read.
  upstream_.comments = comments_;
  served();
  advise();
  draft_.comments = {"Made by `bellwether import vllm`. What its verdicts call manual is still to be done.",
                     "Callers' keys: `bellwether key create`. All settings: docs/configuration.md."};
  draft_.upstreams.push_back(std::move(upstream_));
  std::ranges::stable_sort(findings_, [](const Finding& a, const Finding& b) { return std::pair(a.at.line, a.at.column) < std::pair(b.at.line, b.at.column); });
  return {draft_.toml(), std::move(findings_), std::move(advice_), draft_.variables()};
}

}  // namespace

Imported import_vllm(const Launch& launch) { return VllmReader{launch}.read(); }

}  // namespace bellwether::importing
