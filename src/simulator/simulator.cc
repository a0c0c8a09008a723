#include "simulator/simulator.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/id.h"
#include "simulator/giving.h"

namespace bellwether::simulator {
namespace {

constexpr std::string_view tool_of_a_fault = "get_weather";

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

}  // namespace

Result<void> Simulator::admit(const http::RequestHead&) { return {}; }

net::Task<void> Simulator::refuse(const Failure& failure, const http::RequestHead*, net::Reply& reply) {
  std::ignore = co_await send(reply, meaning_of(failure.reason).http_status,
                              R"({"error":{"message":"bad request","type":"invalid_request_error","param":null,"code":null}})");
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
    if (options.access_log) shared_.log_access(peer_of(reply.stream()), request_line_of(request.head), status);
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

net::Task<void> Simulator::send_error(Giving& giving, Trouble trouble) {
  const ErrorReply error = error_of(shared_.options.flavor, trouble, giving.ask.model);
  giving.log(error.status);
  const std::string wait = giving.is(FaultKind::busy_once) ? std::to_string(giving.fault->count) : "1";
  std::array<net::ReplyField, 3> fields{net::ReplyField{"content-type", "application/json"}, {"server", "uvicorn"}, {"retry-after", wait}};
  const bool asks_to_wait = trouble == Trouble::busy && !giving.is(FaultKind::busy_bare);
  const std::array<std::string_view, 1> parts{error.body};
  std::ignore = co_await giving.reply.send(error.status, {fields.data(), asks_to_wait ? 3U : 2U}, parts);
  giving.faulted = true;
}

net::Task<void> Simulator::generate(Endpoint endpoint, Path path, net::Request& request, net::Reply& reply) {
  const Options& options = shared_.options;
  const auto ask = read_ask(endpoint, request.body, reader_);
  Giving giving{shared_, loop_, reply, ask ? *ask : Ask{}};
  giving.path = path;
  if (options.record) giving.asked = shared_.record.add(request.head, request.body, loop_.now());
  if (options.access_log) {
    giving.peer = peer_of(reply.stream());
    giving.request_line = request_line_of(request.head);
  }
  const auto given_id = request.head.fields.find("x-request-id");
  giving.id = given_id ? std::string(*given_id) : std::string(RequestId::make(loop_.random()).text().substr(4));
  const bool authorised = options.api_key.empty() || request.head.fields.find("authorization").value_or("") == "Bearer " + options.api_key;
  request.release();
  shared_.requests.fetch_add(1, std::memory_order_relaxed);
  shared_.running.fetch_add(1, std::memory_order_relaxed);
  reply.watch_caller([&giving] {
    giving.gone = true;
    if (giving.sleeping != nullptr) giving.sleeping->end();
  });

  const bool known = giving.ask.model.starts_with("fault-") || options.flavor == Flavor::llama_server ||
                     std::ranges::find(options.models, giving.ask.model) != options.models.end();
  if (!authorised) co_await send_error(giving, Trouble::unauthorised);
  else if (!ask) co_await send_error(giving, Trouble::bad_request);
  else if (!known) co_await send_error(giving, Trouble::unknown_model);
  else co_await obey(giving);

  reply.unwatch_caller();
  giving.gone = giving.gone || reply.caller_gone();
  if (giving.gone && !reply.started()) reply.abort();
  else if (giving.gone) reply.abort();
  shared_.running.fetch_sub(1, std::memory_order_relaxed);
  if (giving.gone) shared_.aborted.fetch_add(1, std::memory_order_relaxed);
  if (giving.asked) {
    giving.asked->tokens_sent = giving.tokens_sent;
    giving.asked->outcome = giving.gone ? Outcome::caller_gone : giving.faulted ? Outcome::faulted : Outcome::complete;
  }
}

net::Task<void> Simulator::obey(Giving& giving) {
  const Options& options = shared_.options;
  const auto by_model = fault_of_model(giving.ask.model);
  if (!by_model) {
    const std::string body = nlohmann::json{{"error", {{"message", by_model.error().about.text}, {"type", "simulator"}, {"code", 400}}}}.dump();
    giving.log(400);
    std::ignore = co_await send(giving.reply, 400, body);
    co_return;
  }
  giving.fault = *by_model ? *by_model : shared_.fault();
  const bool once = giving.is(FaultKind::error_once) || giving.is(FaultKind::busy_once);
  if (once && !shared_.first_under(giving.ask.model)) giving.fault.reset();
  if (giving.is(FaultKind::flap) && !is_down(*giving.fault, *by_model ? giving.ask.model : "")) giving.fault.reset();
  if (giving.is(FaultKind::cut_tool) && giving.ask.tool.empty()) giving.ask.tool = tool_of_a_fault;
  // llama-server answers with its own name, whatever it was asked for (wire.md §E.3).
  const bool own_name = options.flavor == Flavor::llama_server && giving.ask.endpoint != Endpoint::embeddings;
  giving.model = own_name ? options.models.front() : giving.ask.model;
  const Prefilled end = prefilled(options.flavor, giving.ask, giving.path);
  giving.continues = end.text.has_value();
  if (giving.continues) find_place(giving, *end.text);
  else giving.prompt_tokens = tokens_of(giving.ask.question);
  if (co_await fail_before(giving)) co_return;
  if (end.refused) co_return co_await send_error(giving, *end.refused);
  if (giving.ask.stream && giving.ask.endpoint != Endpoint::embeddings) co_await give_stream(giving);
  else co_await give_whole(giving);
}

/// Begins where the text that it was given ends. The words are those of the question alone, so it is where the answer of another
/// simulator, with the same seed, was cut; a text that is no beginning of that answer is followed by all of it.
void Simulator::find_place(Giving& giving, const std::string& said) const {
  giving.ask.question = giving.ask.conversation.question;
  const Words words{shared_.options.seed, giving.ask.question};
  const std::optional<Place> place = words.find_place(said, shared_.options.tokens);
  giving.prompt_tokens = tokens_of(giving.ask.question) + (place ? place->tokens() : tokens_of(said));
  if (place && !giving.is(FaultKind::echo_prefill)) giving.place = *place;
}

/// Whether the fault is a 503 right now.
bool Simulator::is_down(const Fault& fault, const std::string& name) const {
  if (fault.kind == FaultKind::flap) return shared_.since_first_under(name, loop_.now()) < fault.wait;
  return fault.kind == FaultKind::loading;
}

/// Faults that leave no giving. True when the request is over.
net::Task<bool> Simulator::fail_before(Giving& giving) {
  if (!giving.fault) co_return false;
  const auto error = [&](Trouble trouble) -> net::Task<bool> {
    co_await send_error(giving, trouble);
    co_return true;
  };
  switch (giving.fault->kind) {
    case FaultKind::refuse:
    case FaultKind::reset:
      giving.faulted = true;
      giving.reply.detach();
      giving.reply.stream().reset();
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
      if (!giving.continues) co_return false;
      co_return co_await error(Trouble::prefill);
    case FaultKind::unauthorised: co_return co_await error(Trouble::unauthorised);
    case FaultKind::no_credit: co_return co_await error(Trouble::no_credit);
    case FaultKind::context_length: co_return co_await error(Trouble::context_length);
    case FaultKind::content_filter: co_return co_await error(Trouble::content_filter);
    case FaultKind::unprocessable: co_return co_await error(Trouble::unprocessable);
    case FaultKind::silence:
      std::ignore = co_await giving.wait(for_ever);
      if (!giving.gone) giving.cut();
      co_return true;
    case FaultKind::slow_head: co_return !co_await giving.wait(giving.fault->wait);
    case FaultKind::html:
      giving.faulted = true;
      giving.log(502);
      std::ignore =
          co_await send(giving.reply, 502, "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>", "text/html");
      co_return true;
    case FaultKind::error_as_200:
      giving.faulted = true;
      giving.log(200);
      std::ignore = co_await send(giving.reply, 200, error_of(shared_.options.flavor, Trouble::internal, giving.ask.model).body);
      co_return true;
    default: co_return false;
  }
}

}  // namespace bellwether::simulator
