#include "simulator/simulator.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/id.h"
#include "net/spawn.h"
#include "simulator/answer.h"
#include "simulator/stats_line.h"

namespace bellwether::simulator {
namespace {

constexpr Duration for_ever = std::chrono::hours(1);
constexpr std::size_t big_event_bytes = std::size_t{1} << 20;
constexpr std::string_view tool_arguments = R"({"city":"서울","unit":"celsius"})";
constexpr std::string_view tool_of_a_fault = "get_weather";

bool is(const std::optional<Fault>& fault, FaultKind kind) { return fault && fault->kind == kind; }

std::string peer_of(net::Stream& stream) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getpeername(stream.fd(), reinterpret_cast<sockaddr*>(&address), &length) != 0) return {};
  char host[NI_MAXHOST], port[NI_MAXSERV];
  if (::getnameinfo(reinterpret_cast<sockaddr*>(&address), length, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0) return {};
  return fmt::format("{}:{}", host, port);
}

std::string request_line_of(const http::RequestHead& head) {
  return fmt::format("{} {}{}{}", head.method_text, head.path, head.query.empty() ? "" : "?", head.query);
}

/// The word that comes `number` words after `place`, as it stands in JSON; of the first what is left of it.
void append_word(std::string& out, const Words& words, const Place& place, std::uint64_t number) {
  if (number > 0 || place.bytes == 0) {
    out += words.at(place.index + number);
    return;
  }
  const std::string rest = json::quote(words.text(place.index).substr(place.bytes));
  out.append(rest, 1, rest.size() - 2);
}

}  // namespace

// ---- Shared ----

namespace {

Options with_models(Options options) {
  if (options.models.empty()) options.models = usual_models(options.flavor);
  return options;
}

}  // namespace

Shared::Shared(Options given) : options{with_models(std::move(given))}, fault_{options.fault} {}

std::optional<Fault> Shared::fault() const {
  const std::lock_guard lock{mutex_};
  return fault_;
}

void Shared::set_fault(std::optional<Fault> next) {
  const std::lock_guard lock{mutex_};
  fault_ = next;
  seen_.clear();
  first_at_.clear();
}

Duration Shared::since_first_under(const std::string& name, TimePoint now) {
  const std::lock_guard lock{mutex_};
  return now - first_at_.emplace(name, now).first->second;
}

Totals Shared::totals() const {
  return {.requests = requests,
          .prompt_tokens = prompt_tokens,
          .cached_tokens = cached_tokens,
          .completion_tokens = completion_tokens,
          .aborted = aborted,
          .running = running};
}

net::Task<void> write_stats(net::Loop& loop, const Shared& shared) {
  if (!shared.options.access_log || shared.options.flavor != Flavor::vllm) co_return;
  StatsLine line;
  for (TimePoint last = loop.now();;) {
    co_await loop.sleep_for(shared.options.stats_every);
    const TimePoint now = loop.now();
    const auto text = line.next(shared.totals(), now - std::exchange(last, now), loop.wall_now());
    if (!text) continue;
    std::puts(text->c_str());
    std::fflush(stdout);
  }
}

bool Shared::first_under(const std::string& name) {
  const std::lock_guard lock{mutex_};
  return seen_.insert(name).second;
}

// ---- One answer ----

/// What one request's answer needs while it is being given.
struct Simulator::Answer {
  Answer(net::Loop& loop, net::Reply& reply, Ask ask) : reply{reply}, ask{std::move(ask)}, loop{loop} {}

  /// Sleeps; false when the caller hung up meanwhile.
  net::Task<bool> wait(Duration duration) {
    if (duration.count() > 0 && !gone) {
      net::Sleep sleep{loop, loop.now() + duration};
      sleeping = &sleep;
      co_await sleep;
      sleeping = nullptr;
    }
    co_return !gone;
  }

  /// Puts an event on the wire, in the way that the fault wants; false when the caller hung up.
  net::Task<bool> event(std::string_view data) {
    std::string& text = buffer;
    text.clear();
    const std::string_view end = is(fault, FaultKind::crlf) ? "\r\n" : "\n";
    if (is(fault, FaultKind::comments)) text += ": keep-alive\n\n";
    text += "data: ";
    text += data;
    text += end;
    text += end;
    co_return co_await put(text);
  }

  net::Task<bool> put(std::string_view text) {
    if (is(fault, FaultKind::one_byte)) {
      raw += text;
      co_return !gone;
    }
    if (is(fault, FaultKind::split_utf8)) {
      for (std::size_t at = 0; at + 1 < text.size(); ++at) {
        if (static_cast<unsigned char>(text[at]) < 0xC0) continue;
        const std::string rest(text.substr(at + 1));
        if (co_await reply.write(text.substr(0, at + 1)) != net::IoStatus::ok) co_return false;
        std::ignore = co_await wait(std::chrono::milliseconds(1));
        co_return co_await reply.write(rest) == net::IoStatus::ok;
      }
    }
    co_return co_await reply.write(text) == net::IoStatus::ok;
  }

  /// A byte at a time: head, then a body that ends with the connection.
  net::Task<void> drip(std::string_view content_type) {
    const std::string bytes = fmt::format("HTTP/1.1 200 OK\r\ncontent-type: {}\r\nconnection: close\r\n\r\n{}", content_type, raw);
    for (const char& byte : bytes) {
      const iovec piece{const_cast<char*>(&byte), 1};
      if (co_await reply.stream().write_all({&piece, 1}, std::chrono::seconds(5)) != net::IoStatus::ok) break;
    }
    reply.detach();
    reply.stream().close();
  }

  /// Ends the connection within the reply.
  void cut() {
    faulted = true;
    reply.detach();
    reply.stream().close();
  }

  net::Reply& reply;
  Ask ask;
  std::optional<Fault> fault;
  std::shared_ptr<Asked> asked;
  net::Loop& loop;
  net::Sleep* sleeping = nullptr;
  std::string id, model, buffer, raw, peer, request_line;
  Path path = Path::usual;
  bool continues = false;  ///< It goes on from `place` with an answer that was begun.
  Place place;
  std::uint64_t prompt_tokens = 0, tokens_sent = 0;
  std::uint64_t tokens_counted = 0;  ///< Of `tokens_sent`, in the totals.
  bool prompt_counted = false;
  bool gone = false, faulted = false;
};

// ---- Handler ----

Result<void> Simulator::admit(const http::RequestHead&) { return {}; }

net::Task<void> Simulator::refuse(const Failure& failure, const http::RequestHead*, net::Reply& reply) {
  std::ignore = co_await send(reply, meaning_of(failure.reason).http_status,
                              R"({"error":{"message":"bad request","type":"invalid_request_error","param":null,"code":null}})");
}

net::Task<bool> Simulator::send(net::Reply& reply, int status, std::string_view body, std::string_view content_type) {
  std::array<net::ReplyField, 3> fields{net::ReplyField{"content-type", content_type}, {"server", "uvicorn"}, {"set-cookie", "sim=1; HttpOnly"}};
  const std::array<std::string_view, 1> parts{body};
  co_return co_await reply.send(status, fields, parts) == net::IoStatus::ok;
}

net::Task<void> Simulator::handle(net::Request& request, net::Reply& reply) {
  std::string_view path = request.head.path;
  if (path.starts_with("/sim/")) co_return co_await control(request, reply);
  if (path.starts_with("/v1/")) path.remove_prefix(3);
  const bool post = request.head.method == http::Method::post;
  if (post && path == "/beta/chat/completions" && shared_.options.flavor == Flavor::deepseek)
    co_return co_await generate(Endpoint::chat, Path::beta, request, reply);
  if (post && path == "/chat/completions") co_return co_await generate(Endpoint::chat, Path::usual, request, reply);
  if (post && path == "/completions") co_return co_await generate(Endpoint::completions, Path::usual, request, reply);
  if (post && path == "/embeddings") co_return co_await generate(Endpoint::embeddings, Path::usual, request, reply);
  co_await list(request, path, reply);
}

net::Task<void> Simulator::control(const net::Request& request, net::Reply& reply) {
  if (request.head.path == "/sim/requests") {
    if (request.head.method == http::Method::delete_) shared_.record.clear();
    const std::string body = shared_.record.to_json();
    std::ignore = co_await send(reply, 200, body);
    co_return;
  }
  const nlohmann::json json = nlohmann::json::parse(request.body, nullptr, false);
  const bool known = request.head.path == "/sim/fault" && request.head.method == http::Method::put && json.is_object() && json.contains("fault");
  std::string error = known ? "" : R"(PUT /sim/fault takes {"fault":"NAME"} or {"fault":null}; GET and DELETE /sim/requests take nothing)";
  if (known && json["fault"].is_null()) {
    shared_.set_fault(std::nullopt);
  } else if (known) {
    const Result<Fault> fault = parse_fault(json["fault"].is_string() ? json["fault"].get<std::string>() : "");
    if (fault) shared_.set_fault(*fault);
    else error = fault.error().about.text;
  }
  const std::string body = error.empty() ? R"({"ok":true})" : nlohmann::json{{"error", {{"message", error}}}}.dump();
  std::ignore = co_await send(reply, error.empty() ? 200 : 400, body);
}

net::Task<void> Simulator::list(const net::Request& request, std::string_view path, net::Reply& reply) {
  const Options& options = shared_.options;
  const Flavor flavor = options.flavor;
  const auto answer = [&](int status, std::string_view body, std::string_view content_type = "application/json") -> net::Task<void> {
    if (options.access_log) log_line(peer_of(reply.stream()), request_line_of(request.head), status);
    std::ignore = co_await send(reply, status, body, content_type);
  };
  const bool authorised = options.api_key.empty() || request.head.fields.find("authorization").value_or("") == "Bearer " + options.api_key;
  if (const auto fault = shared_.fault(); fault && is_down(*fault, "")) {
    const ErrorReply error = error_of(flavor, fault->kind == FaultKind::loading ? Trouble::loading : Trouble::unavailable, "");
    co_return co_await answer(error.status, error.body);
  }
  if (path == "/health") co_return co_await answer(200, flavor == Flavor::llama_server ? R"({"status":"ok"})" : "");
  if (path == "/metrics") {
    const std::string page = metrics_page(flavor, options.models.front(), shared_.totals());
    co_return co_await answer(page.empty() ? 404 : 200, page, "text/plain; version=0.0.4; charset=utf-8");
  }
  const bool lists = path.starts_with("/models") && request.head.method == http::Method::get;
  if (lists && !authorised) {
    const ErrorReply error = error_of(flavor, Trouble::unauthorised, "");
    co_return co_await answer(error.status, error.body);
  }
  if (lists && path == "/models") {
    const std::string body = models_json(flavor, options.models);
    co_return co_await answer(200, body);
  }
  if (lists) {
    const std::string name = http::percent_decode(path.substr(std::string_view("/models/").size())).value_or("");
    if (std::ranges::find(options.models, name) != options.models.end()) {
      const std::string body = model_json(flavor, name);
      co_return co_await answer(200, body);
    }
  }
  const ErrorReply error = error_of(flavor, Trouble::not_found, "");
  co_await answer(error.status, error.body);
}

void Simulator::count(Answer& answer) {
  if (!std::exchange(answer.prompt_counted, true)) shared_.prompt_tokens.fetch_add(answer.prompt_tokens, std::memory_order_relaxed);
  shared_.completion_tokens.fetch_add(answer.tokens_sent - std::exchange(answer.tokens_counted, answer.tokens_sent), std::memory_order_relaxed);
}

void Simulator::log_line(std::string_view peer, std::string_view request_line, int status) const {
  if (!shared_.options.access_log) return;
  const std::string line = access_line(peer, request_line, status);
  std::puts(line.c_str());
  std::fflush(stdout);
}

void Simulator::log_line(const Answer& answer, int status) const { log_line(answer.peer, answer.request_line, status); }

net::Task<void> Simulator::send_error(Answer& answer, Trouble trouble) {
  const ErrorReply error = error_of(shared_.options.flavor, trouble, answer.ask.model);
  log_line(answer, error.status);
  const std::string wait = is(answer.fault, FaultKind::busy_once) ? std::to_string(answer.fault->count) : "1";
  std::array<net::ReplyField, 3> fields{net::ReplyField{"content-type", "application/json"}, {"server", "uvicorn"}, {"retry-after", wait}};
  const bool asks_to_wait = trouble == Trouble::busy && !is(answer.fault, FaultKind::busy_bare);
  const std::array<std::string_view, 1> parts{error.body};
  std::ignore = co_await answer.reply.send(error.status, {fields.data(), asks_to_wait ? 3U : 2U}, parts);
  answer.faulted = true;
}

net::Task<void> Simulator::generate(Endpoint endpoint, Path path, net::Request& request, net::Reply& reply) {
  const Options& options = shared_.options;
  const auto ask = read_ask(endpoint, request.body, reader_);
  Answer answer{loop_, reply, ask ? *ask : Ask{}};
  answer.path = path;
  if (options.record) answer.asked = shared_.record.add(request.head, request.body, loop_.now());
  if (options.access_log) {
    answer.peer = peer_of(reply.stream());
    answer.request_line = request_line_of(request.head);
  }
  const auto given_id = request.head.fields.find("x-request-id");
  answer.id = given_id ? std::string(*given_id) : std::string(RequestId::make(loop_.random()).text().substr(4));
  const bool authorised = options.api_key.empty() || request.head.fields.find("authorization").value_or("") == "Bearer " + options.api_key;
  request.release();
  shared_.requests.fetch_add(1, std::memory_order_relaxed);
  shared_.running.fetch_add(1, std::memory_order_relaxed);
  reply.watch_caller([&answer] {
    answer.gone = true;
    if (answer.sleeping != nullptr) answer.sleeping->end();
  });

  const bool known = answer.ask.model.starts_with("fault-") || options.flavor == Flavor::llama_server ||
                     std::ranges::find(options.models, answer.ask.model) != options.models.end();
  if (!authorised) co_await send_error(answer, Trouble::unauthorised);
  else if (!ask) co_await send_error(answer, Trouble::bad_request);
  else if (!known) co_await send_error(answer, Trouble::unknown_model);
  else co_await obey(answer);

  reply.unwatch_caller();
  answer.gone = answer.gone || reply.caller_gone();
  if (answer.gone && !reply.started()) reply.abort();
  else if (answer.gone) reply.abort();
  shared_.running.fetch_sub(1, std::memory_order_relaxed);
  if (answer.gone) shared_.aborted.fetch_add(1, std::memory_order_relaxed);
  if (answer.asked) {
    answer.asked->tokens_sent = answer.tokens_sent;
    answer.asked->outcome = answer.gone ? Outcome::caller_gone : answer.faulted ? Outcome::faulted : Outcome::complete;
  }
}

net::Task<void> Simulator::obey(Answer& answer) {
  const Options& options = shared_.options;
  const auto by_model = fault_of_model(answer.ask.model);
  if (!by_model) {
    const std::string body = nlohmann::json{{"error", {{"message", by_model.error().about.text}, {"type", "simulator"}, {"code", 400}}}}.dump();
    log_line(answer, 400);
    std::ignore = co_await send(answer.reply, 400, body);
    co_return;
  }
  answer.fault = *by_model ? *by_model : shared_.fault();
  const bool once = is(answer.fault, FaultKind::error_once) || is(answer.fault, FaultKind::busy_once);
  if (once && !shared_.first_under(answer.ask.model)) answer.fault.reset();
  if (is(answer.fault, FaultKind::flap) && !is_down(*answer.fault, *by_model ? answer.ask.model : "")) answer.fault.reset();
  if (is(answer.fault, FaultKind::cut_tool) && answer.ask.tool.empty()) answer.ask.tool = tool_of_a_fault;
  // llama-server answers with its own name, whatever it was asked for (wire.md §E.3).
  const bool own_name = options.flavor == Flavor::llama_server && answer.ask.endpoint != Endpoint::embeddings;
  answer.model = own_name ? options.models.front() : answer.ask.model;
  const Prefilled end = prefilled(options.flavor, answer.ask, answer.path);
  answer.continues = end.text.has_value();
  if (answer.continues) find_place(answer, *end.text);
  else answer.prompt_tokens = tokens_of(answer.ask.question);
  if (co_await fail_before(answer)) co_return;
  if (end.refused) co_return co_await send_error(answer, *end.refused);
  if (answer.ask.stream && answer.ask.endpoint != Endpoint::embeddings) co_await send_stream(answer);
  else co_await send_whole(answer);
}

/// Begins where the text that it was given ends. The words are those of the question alone, so it is where the answer of another
/// simulator, with the same seed, was cut; a text that is no beginning of that answer is followed by all of it.
void Simulator::find_place(Answer& answer, const std::string& said) const {
  answer.ask.question = answer.ask.conversation.question;
  const Words words{shared_.options.seed, answer.ask.question};
  const std::optional<Place> place = words.find_place(said, shared_.options.tokens);
  answer.prompt_tokens = tokens_of(answer.ask.question) + (place ? place->tokens() : tokens_of(said));
  if (place && !is(answer.fault, FaultKind::echo_prefill)) answer.place = *place;
}

/// Whether the fault is a 503 right now.
bool Simulator::is_down(const Fault& fault, const std::string& name) const {
  if (fault.kind == FaultKind::flap) return shared_.since_first_under(name, loop_.now()) < fault.wait;
  return fault.kind == FaultKind::loading;
}

/// Faults that leave no answer. True when the request is over.
net::Task<bool> Simulator::fail_before(Answer& answer) {
  if (!answer.fault) co_return false;
  const auto error = [&](Trouble trouble) -> net::Task<bool> {
    co_await send_error(answer, trouble);
    co_return true;
  };
  switch (answer.fault->kind) {
    case FaultKind::refuse:
    case FaultKind::reset:
      answer.faulted = true;
      answer.reply.detach();
      answer.reply.stream().reset();
      co_return true;
    case FaultKind::busy:
    case FaultKind::busy_once:
    case FaultKind::busy_bare: co_return co_await error(Trouble::busy);
    case FaultKind::error_once:
    case FaultKind::error: co_return co_await error(Trouble::internal);
    case FaultKind::flap:
    case FaultKind::unavailable: co_return co_await error(Trouble::unavailable);
    case FaultKind::loading: co_return co_await error(Trouble::loading);
    case FaultKind::refuse_prefill:
      if (!answer.continues) co_return false;
      co_return co_await error(Trouble::prefill);
    case FaultKind::unauthorised: co_return co_await error(Trouble::unauthorised);
    case FaultKind::no_credit: co_return co_await error(Trouble::no_credit);
    case FaultKind::context_length: co_return co_await error(Trouble::context_length);
    case FaultKind::content_filter: co_return co_await error(Trouble::content_filter);
    case FaultKind::unprocessable: co_return co_await error(Trouble::unprocessable);
    case FaultKind::silence:
      std::ignore = co_await answer.wait(for_ever);
      if (!answer.gone) answer.cut();
      co_return true;
    case FaultKind::slow_head: co_return !co_await answer.wait(answer.fault->wait);
    case FaultKind::html:
      answer.faulted = true;
      log_line(answer, 502);
      std::ignore =
          co_await send(answer.reply, 502, "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>", "text/html");
      co_return true;
    case FaultKind::error_as_200:
      answer.faulted = true;
      log_line(answer, 200);
      std::ignore = co_await send(answer.reply, 200, error_of(shared_.options.flavor, Trouble::internal, answer.ask.model).body);
      co_return true;
    default: co_return false;
  }
}

net::Task<void> Simulator::send_stream(Answer& answer) {
  const Options& options = shared_.options;
  const std::optional<Fault>& fault = answer.fault;
  const Ask& ask = answer.ask;
  const Shapes shapes{options.flavor, ask, answer.model, answer.id};
  const Words words{options.seed, ask.question};
  const bool chat = ask.endpoint == Endpoint::chat;
  const bool thinks = chat && (options.reasoning || ask.thinking) && !ask.thinking_off;
  const bool running = ask.running_usage && options.flavor == Flavor::vllm;
  const Duration between = is(fault, FaultKind::slow_drip) ? fault->wait : options.between_tokens;
  std::uint64_t chunks = 0;
  std::string data, delta;

  constexpr std::string_view content_type = "text/event-stream; charset=utf-8";
  const std::array<net::ReplyField, 3> fields{net::ReplyField{"content-type", content_type}, {"server", "uvicorn"}, {"set-cookie", "sim=1; HttpOnly"}};
  if (!is(fault, FaultKind::one_byte)) {
    std::ignore = co_await answer.reply.start(200, fields);
    // vLLM's head comes at once, whenever the first token will come (wire.md §A.3.5).
    if (options.first_token.count() > 0 || is(fault, FaultKind::slow_first)) std::ignore = co_await answer.reply.flush_head();
  }
  log_line(answer, 200);
  if (!co_await answer.wait(is(fault, FaultKind::slow_first) ? fault->wait : options.first_token)) co_return;

  /// Sends `data`; what comes back says whether to go on.
  const auto next = [&]() -> net::Task<bool> {
    const bool sent = co_await answer.event(data);
    data.clear();
    co_return sent && !answer.gone;
  };
  const auto counts = [&] {
    return Counts{.prompt = answer.prompt_tokens,
                  .cached = options.flavor == Flavor::deepseek ? answer.prompt_tokens / 2 : 0,
                  .reasoning = thinks ? 3U : 0U,
                  .completion = is(fault, FaultKind::negative_usage) ? -5 : static_cast<std::int64_t>(answer.tokens_sent)};
  };
  /// One more chunk of the answer; counts it and commits the faults that count.
  const auto chunk = [&](std::string_view inside) -> net::Task<bool> {
    const bool counted = is(fault, FaultKind::cut) || is(fault, FaultKind::stall) || is(fault, FaultKind::broken_json) || is(fault, FaultKind::error_in_stream);
    if (counted && chunks == fault->count) {
      answer.faulted = true;
      if (is(fault, FaultKind::cut)) {
        answer.cut();
        co_return false;
      }
      if (is(fault, FaultKind::stall)) {
        std::ignore = co_await answer.wait(for_ever);
        if (!answer.gone) answer.cut();
        co_return false;
      }
      if (is(fault, FaultKind::broken_json)) {
        data = R"({"id":"chatcmpl-broken","choices":[{"ind)";
        if (!co_await next()) co_return false;
      } else {
        data = error_of(options.flavor, Trouble::internal, ask.model).body;
        if (!co_await next()) co_return false;
        // llama-server ends without [DONE] then; the others say it.
        if (options.flavor != Flavor::llama_server) std::ignore = co_await answer.put("data: [DONE]\n\n");
        std::ignore = co_await answer.reply.finish();
        co_return false;
      }
    }
    if (chunks > 0 && !co_await answer.wait(between)) co_return false;
    ++chunks;
    ++answer.tokens_sent;
    count(answer);
    shapes.append_chunk(data, inside, running ? usage_json(options.flavor, counts()) : std::string{});
    if (is(fault, FaultKind::cut_token) && chunks == fault->count) {
      const std::string half = "data: " + data.substr(0, data.size() / 2);
      std::ignore = co_await answer.put(half);
      answer.cut();
      co_return false;
    }
    co_return co_await next();
  };

  if (chat) {
    shapes.append_role(data);
    if (!co_await next()) co_return;
  }
  if (is(fault, FaultKind::cut_role)) {
    // A legacy completion has no such chunk: the head alone arrives.
    std::ignore = co_await answer.reply.flush_head();
    co_return answer.cut();
  }
  std::string_view reason = "stop";
  if (thinks) {
    for (std::uint64_t i = 0; i < 3; ++i) {
      delta = fmt::format(R"("{}":{})", reasoning_field(options.flavor), json::quote(words.at(1'000'000 + i)));
      if (!co_await chunk(delta)) co_return;
    }
  }
  if (chat && !ask.tool.empty()) {
    reason = "tool_calls";
    if (!co_await chunk(shapes.tool_begin(ask.tool))) co_return;
    constexpr std::size_t piece_bytes = 9;  // Cuts the Korean word in its middle, which must be put together again by bytes.
    for (std::size_t at = 0, pieces = 0; at < tool_arguments.size(); ++pieces) {
      std::size_t end = std::min(at + piece_bytes, tool_arguments.size());
      while (end < tool_arguments.size() && (static_cast<unsigned char>(tool_arguments[end]) & 0xC0) == 0x80) ++end;
      if (is(fault, FaultKind::cut_tool) && pieces == 2) co_return answer.cut();
      if (!co_await chunk(Shapes::tool_piece(json::quote(tool_arguments.substr(at, end - at))))) co_return;
      at = end;
    }
  } else {
    const std::uint64_t left = options.tokens - answer.place.index;
    if (ask.tokens_max < left) reason = "length";
    for (std::uint64_t i = 0; i < std::min(left, ask.tokens_max); ++i) {
      delta = chat ? R"("content":")" : "\"";
      if (is(fault, FaultKind::big_event) && i == 1) delta.append(big_event_bytes, 'x');
      append_word(delta, words, answer.place, i);
      delta += '"';
      if (!co_await chunk(delta)) co_return;
    }
  }

  const bool counts_usage = !is(fault, FaultKind::no_usage);
  const std::string usage = counts_usage ? usage_json(options.flavor, counts()) : "";
  // DeepSeek's counts ride on the last chunk that has a choice, asked for or not (wire.md §B.5).
  const bool rides = options.flavor == Flavor::deepseek;
  if (!is(fault, FaultKind::no_finish)) {
    shapes.append_finish(data, reason, rides ? usage : "");
    if (!co_await next()) co_return;
  }
  if (is(fault, FaultKind::cut_finish)) co_return answer.cut();
  if (!usage.empty() && !rides && ask.usage) {
    shapes.append_usage(data, usage);
    if (!co_await next()) co_return;
  }
  if (!is(fault, FaultKind::no_done)) {
    data = "[DONE]";
    if (!co_await next()) co_return;
  }
  if (is(fault, FaultKind::one_byte)) co_return co_await answer.drip(content_type);
  std::ignore = co_await answer.reply.finish();
}

net::Task<void> Simulator::send_whole(Answer& answer) {
  const Options& options = shared_.options;
  const std::optional<Fault>& fault = answer.fault;
  const Ask& ask = answer.ask;
  const std::uint64_t left = options.tokens - answer.place.index;
  const std::uint64_t tokens = std::min(left, ask.tokens_max);
  const Duration between = is(fault, FaultKind::slow_drip) ? fault->wait : options.between_tokens;
  if (is(fault, FaultKind::comments)) {
    // DeepSeek's sign of life: an early 200 and blank lines until the JSON comes (wire.md §B.7).
    const std::array<net::ReplyField, 1> fields{net::ReplyField{"content-type", "application/json"}};
    std::ignore = co_await answer.reply.start(200, fields);
    for (int i = 0; i < 3; ++i) {
      if (co_await answer.reply.write("\n") != net::IoStatus::ok) co_return;
      if (!co_await answer.wait(std::chrono::milliseconds(20))) co_return;
    }
  }
  const Duration first = is(fault, FaultKind::slow_first) ? fault->wait : options.first_token;
  if (!co_await answer.wait(first)) co_return;
  const TimePoint began = loop_.now();
  for (std::uint64_t made = 1; made <= tokens && between.count() > 0 && ask.endpoint != Endpoint::embeddings; ++made) {
    if (!co_await answer.wait(began + between * static_cast<std::int64_t>(made) - loop_.now())) co_return;
    answer.tokens_sent = made;
    count(answer);
  }

  const Words words{options.seed, ask.question};
  const bool thinks = (options.reasoning || ask.thinking) && !ask.thinking_off;
  const bool calls = ask.endpoint == Endpoint::chat && !ask.tool.empty();
  const Shapes shapes{options.flavor, ask, answer.model, answer.id};
  std::string content = "\"";
  for (std::uint64_t i = 0; i < tokens; ++i) append_word(content, words, answer.place, i);
  content += '"';
  if (is(fault, FaultKind::big_event)) content.insert(1, std::string(big_event_bytes, 'x'));
  answer.tokens_sent = ask.endpoint == Endpoint::embeddings ? 0 : tokens;
  count(answer);
  const Counts counts{.prompt = answer.prompt_tokens,
                      .cached = options.flavor == Flavor::deepseek ? answer.prompt_tokens / 2 : 0,
                      .reasoning = thinks ? 3U : 0U,
                      .completion = is(fault, FaultKind::negative_usage) ? -5 : static_cast<std::int64_t>(answer.tokens_sent)};
  const std::string usage = is(fault, FaultKind::no_usage) ? "" : usage_json(options.flavor, counts);
  const std::string call = fmt::format(R"([{{"id":"call_{}","type":"function","function":{{"name":{},"arguments":{}}}}}])", answer.id, json::quote(ask.tool),
                                       json::quote(tool_arguments));
  const std::string_view reason = is(fault, FaultKind::no_finish) ? "" : calls ? "tool_calls" : ask.tokens_max < left ? "length" : "stop";
  std::string body = ask.endpoint == Endpoint::embeddings
                         ? embeddings_json(options.flavor, ask, answer.model, usage.empty() ? "null" : usage)
                         : shapes.whole(content, thinks ? json::quote(words.at(1'000'000)) : std::string{}, calls ? call : std::string{}, reason, usage);
  log_line(answer, 200);
  if (fault) {
    switch (fault->kind) {
      case FaultKind::broken_json: body = R"({"id":"chatcmpl-broken","choices":[{"ind)"; break;
      case FaultKind::error_in_stream: body = error_of(options.flavor, Trouble::internal, ask.model).body; break;
      case FaultKind::one_byte: answer.raw = body; co_return co_await answer.drip("application/json");
      case FaultKind::comments:
        std::ignore = co_await answer.reply.write(body);
        std::ignore = co_await answer.reply.finish();
        co_return;
      case FaultKind::cut:
      case FaultKind::cut_role:
      case FaultKind::cut_token:
      case FaultKind::cut_tool:
      case FaultKind::cut_finish:
      case FaultKind::stall:
      case FaultKind::split_utf8: {
        const std::array<net::ReplyField, 1> fields{net::ReplyField{"content-type", "application/json"}};
        std::ignore = co_await answer.reply.start(200, fields);
        const std::string half = is(fault, FaultKind::split_utf8) ? body : body.substr(0, body.size() / 2);
        std::ignore = co_await answer.put(half);
        if (is(fault, FaultKind::split_utf8)) {
          std::ignore = co_await answer.reply.finish();
          co_return;
        }
        if (is(fault, FaultKind::stall)) std::ignore = co_await answer.wait(for_ever);
        if (!answer.gone) answer.cut();
        co_return;
      }
      default: break;
    }
  }
  std::ignore = co_await send(answer.reply, 200, body);
}

}  // namespace bellwether::simulator
