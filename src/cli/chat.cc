// `bellwether chat`: one prompt from the terminal, its answer as it comes.
#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "calling/call.h"
#include "calling/chat_event.h"
#include "cli/cli.h"
#include "cli/endpoint.h"
#include "cli/entropy.h"
#include "cli/verbs.h"
#include "json/reader.h"
#include "net/process_signals.h"
#include "net/spawn.h"

namespace bellwether::cli {
namespace {

struct Options {
  std::string url = "http://127.0.0.1:8080/v1";
  std::string model, system, prompt;
  KeyReference key;
  std::uint64_t tokens_max = 0;
  bool json = false;
};

constexpr Duration list_patience = std::chrono::seconds(10);
constexpr Duration patience = std::chrono::minutes(10);          // As the gateway bounds an attempt.
constexpr std::size_t prompt_bytes_max = std::size_t{32} << 20;  // The gateway takes no more either.

/// https://no-color.org: set, and not to nothing.
bool wants_no_colour() {
  const char* value = std::getenv("NO_COLOR");
  return value != nullptr && *value != '\0';
}

/// Writes an answer as it comes. A model's text may hold anything: on a terminal what could steer it is left out.
class Screen {
 public:
  Screen() : terminal_{::isatty(STDOUT_FILENO) == 1}, colour_{terminal_ && !wants_no_colour()} {}

  [[nodiscard]] bool shows_reasoning() const { return terminal_; }
  void reasoning(std::string_view text) {
    if (!terminal_ || text.empty()) return;
    if (!std::exchange(thinking_, true)) std::fputs(colour_ ? "\x1b[2m" : "(thinking: ", stdout);
    put(text);
  }
  void answer(std::string_view text) {
    if (text.empty()) return;
    if (std::exchange(thinking_, false)) std::fputs(colour_ ? "\x1b[0m\n\n" : ")\n\n", stdout);
    put(text);
    ends_line_ = text.back() == '\n';
  }
  void end() {
    if (std::exchange(thinking_, false)) std::fputs(colour_ ? "\x1b[0m" : ")", stdout);
    if (!ends_line_) std::fputc('\n', stdout);
    std::fflush(stdout);
  }

 private:
  void put(std::string_view text) {
    ends_line_ = false;
    for (const char letter : text) {
      const bool steers = static_cast<unsigned char>(letter) < ' ' && letter != '\n' && letter != '\t';
      if (!terminal_ || (!steers && letter != 0x7f)) std::fputc(letter, stdout);
    }
    std::fflush(stdout);
  }

  bool terminal_, colour_, thinking_ = false, ends_line_ = true;
};

class Conversation final : private calling::Listener {
 public:
  Conversation(const Options& options, std::string model) : options_{options}, model_{std::move(model)} {}

  [[nodiscard]] int run(const calling::Endpoint& endpoint);

 private:
  [[nodiscard]] Wants on_event(TimePoint at, std::string_view data) override;
  [[nodiscard]] net::Task<void> talk();
  [[nodiscard]] std::string body() const;
  [[nodiscard]] int judge();
  [[nodiscard]] std::string json() const;

  const Options& options_;
  std::string model_;
  net::Loop loop_{random_seed()};
  net::ProcessSignals signals_{loop_, {SIGINT, SIGTERM}};
  calling::Caller* caller_ = nullptr;
  calling::Ongoing ongoing_;
  json::Reader reader_;
  Screen screen_;
  // What came.
  calling::Reply reply_;
  std::string text_, reasoning_, finish_, error_, answered_by_;
  std::optional<calling::Usage> usage_;
  TimePoint began_{}, first_token_{};
  bool done_ = false, garbled_ = false, interrupted_ = false;
};

std::string Conversation::body() const {
  const std::string system = options_.system.empty() ? "" : fmt::format(R"({{"role":"system","content":{}}},)", json::quote(options_.system));
  const std::string most = options_.tokens_max == 0 ? "" : fmt::format(R"("max_tokens":{},)", options_.tokens_max);
  return fmt::format(R"({{"model":{},"messages":[{}{{"role":"user","content":{}}}],{}"stream":true,"stream_options":{{"include_usage":true}}}})",
                     json::quote(model_), system, json::quote(options_.prompt), most);
}

calling::Listener::Wants Conversation::on_event(TimePoint at, std::string_view data) {
  const calling::ChatEvent event = calling::read_chat_event(data, reader_);
  if (event.is_error) error_ = event.error_message;
  garbled_ |= event.is_malformed;
  if (event.is_error || event.is_malformed) return Wants::enough;
  if (event.has_token && first_token_ == TimePoint{}) first_token_ = at;
  if (!options_.json) screen_.reasoning(event.reasoning);
  if (!options_.json) screen_.answer(event.text);
  text_ += event.text;
  reasoning_ += event.reasoning;
  if (!event.finish.empty()) finish_ = event.finish;
  if (!event.model.empty()) answered_by_ = event.model;
  if (event.usage) usage_ = event.usage;
  done_ |= event.is_done;
  return done_ ? Wants::enough : Wants::more;
}

net::Task<void> Conversation::talk() {
  began_ = loop_.now();
  const calling::Request request{.body = body()};
  reply_ = co_await caller_->call(request, patience, *this, ongoing_);
  loop_.stop();
}

int Conversation::run(const calling::Endpoint& endpoint) {
  calling::Caller caller{loop_, endpoint, 1};
  caller_ = &caller;
  net::spawn(loop_, "signals", [this]() -> net::Task<void> {
    std::ignore = co_await signals_.next();
    interrupted_ = true;
    ongoing_.cancel();
  });
  net::spawn(loop_, "chat", [this] { return talk(); });
  loop_.run();
  if (!reply_.is_stream && reply_.end == calling::End::complete && reply_.status == 200 && on_event(reply_.over, reply_.body) == Wants::more) done_ = true;
  if (!options_.json && (!text_.empty() || !reasoning_.empty())) screen_.end();
  const int code = judge();
  if (options_.json && code == exit_ok) fmt::print("{}\n", json());
  return code;
}

/// The exit code, and what is to be said about it.
int Conversation::judge() {
  const auto say = [](int code, const std::string& text) {
    std::fprintf(stderr, "bellwether: %s\n", text.c_str());
    return code;
  };
  if (interrupted_) return exit_interrupted;
  if (!error_.empty()) return say(exit_failed, text_.empty() ? "the answer is an error: " + error_ : "the answer broke off with an error: " + error_);
  if (const auto refusal = refusal_of(reply_, options_.url); refusal && text_.empty()) return say(refusal->exit_code, refusal->text);
  if (reply_.status != 0 && reply_.status != 200) {
    const std::string message = calling::error_message_of(reply_.body, reader_);
    return say(exit_failed, fmt::format("{} answers {}{}{}", shown_url(options_.url), reply_.status, message.empty() ? "" : ": ", message));
  }
  if (garbled_) return say(exit_failed, "the answer is not what the API says: no chat completion came");
  if (reply_.end == calling::End::timed_out) return say(exit_failed, "the answer did not end in time");
  // A stream that is complete says so by [DONE], or at the least by a finish_reason.
  if (!done_ && finish_.empty()) return say(exit_failed, "the answer broke off: " + (reply_.detail.empty() ? "the stream ended before it did" : reply_.detail));
  if (finish_ == "length" && !options_.json) std::fprintf(stderr, "bellwether: the answer was cut at the limit of tokens (finish_reason length)\n");
  return exit_ok;
}

std::string Conversation::json() const {
  const auto after = [&](TimePoint at) { return at == TimePoint{} ? std::string("null") : fmt::format("{:.3f}", milliseconds_of(at - began_)); };
  const std::string usage =
      !usage_ ? "null"
              : fmt::format(R"({{"input_tokens":{},"cached_input_tokens":{},"output_tokens":{}}})", usage_->input, usage_->cached_input, usage_->output);
  return fmt::format(
      R"({{"schema":"bellwether.chat/1","model":{},"text":{},"reasoning":{},"finish_reason":{},"usage":{},"source":{},"ttft_ms":{},"total_ms":{}}})",
      json::quote(answered_by_.empty() ? model_ : answered_by_), json::quote(text_), reasoning_.empty() ? "null" : json::quote(reasoning_),
      finish_.empty() ? "null" : json::quote(finish_), usage, reply_.source.empty() ? "null" : json::quote(reply_.source), after(first_token_),
      after(reply_.over));
}

std::optional<std::string> read_standard_input() {
  if (::isatty(STDIN_FILENO) == 1) return std::nullopt;
  std::string text;
  std::array<char, 64 * 1024> piece{};
  for (std::size_t got = 0; (got = std::fread(piece.data(), 1, piece.size(), stdin)) > 0;) {
    text.append(piece.data(), got);
    if (text.size() > prompt_bytes_max) return std::nullopt;
  }
  return text;
}

int complain_with(int code, const std::string& text) {
  std::fprintf(stderr, "bellwether: %s\n", text.c_str());
  return code;
}

int run_chat(Options options) {
  if (options.prompt.empty() || options.prompt == "-") {
    const auto text = read_standard_input();
    if (!text || text->find_first_not_of(" \r\n\t") == std::string::npos)
      return complain_with(exit_usage, "there is no prompt: bellwether chat 'your question', or pipe it in (at most 32 MiB)");
    options.prompt = *text;
  }
  const auto endpoint = endpoint_of(options.url, options.key);
  if (!endpoint) return complain_with(exit_invalid, endpoint.error().about.text);
  std::vector<std::string> models;
  if (options.model.empty()) {
    const Listed listed = list_models(*endpoint, list_patience);
    if (const auto refusal = refusal_of(listed.reply, options.url)) return complain_with(refusal->exit_code, refusal->text);
    models = listed.models;
  }
  const auto model = choose_model(options.model, models, options.url);
  if (!model) return complain_with(exit_invalid, model.error().about.text);
  return Conversation{options, *model}.run(*endpoint);
}

}  // namespace

void add_chat(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("chat", "One prompt from the terminal, streamed");
  verb->add_option("prompt", options->prompt, "What to ask; without it, or for -, standard input is read");
  verb->add_option("--url", options->url, "The endpoint, with its /v1")->type_name("URL")->envname("BELLWETHER_URL")->capture_default_str();
  verb->add_option("--model", options->model, "The model; without it the only one that the endpoint lists")->type_name("NAME");
  verb->add_option("--system", options->system, "A system message before the prompt")->type_name("TEXT");
  verb->add_option("--max-tokens", options->tokens_max, "At most so many tokens of answer")->check(CLI::Range(1, 10'000'000))->type_name("N");
  CLI::Option* variable = verb->add_option("--api-key-env", options->key.variable, "The environment variable that holds the key")->type_name("NAME");
  verb->add_option("--api-key-file", options->key.file, "The file that holds the key")->type_name("FILE")->excludes(variable);
  verb->add_flag("--json", options->json, "The whole answer as JSON (bellwether.chat/1), once it is there");
  verb->footer(
      "The key is BELLWETHER_API_KEY's, else HOLYSHEEP_API_KEY's, unless a flag says where it is. Thoughts of a reasoning model are shown on a\n"
      "terminal only. Exit codes: 4 the key is refused, 5 the endpoint cannot be reached, 1 the answer is an error or broke off.\n\n"
      "Examples:\n  bellwether chat 'Name three rivers in Korea'\n  bellwether chat --url http://gpu-1:8000/v1 --model deepseek-ai/DeepSeek-V3 < question.txt\n"
      "  git diff | bellwether chat --system 'Review this change' --json -\n"
      "  bellwether chat --url https://api.deepseek.com/v1 --model deepseek-flash --api-key-env DEEPSEEK_API_KEY --max-tokens 200 Hello\n"
      "  bellwether chat --api-key-file key.txt Hello");
  verb->callback([options, &chosen] { chosen = [options] { return run_chat(*options); }; });
}

}  // namespace bellwether::cli
