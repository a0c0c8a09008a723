#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <thread>

#include "accounts/key_book.h"
#include "api/admin.h"
#include "catalog/revision.h"
#include "cli/admin_socket.h"
#include "cli/cli.h"
#include "cli/entropy.h"
#include "cli/load.h"
#include "cli/verbs.h"
#include "config/read.h"
#include "store/data_folder.h"
#include "store/key_file.h"

namespace bellwether::cli {
namespace {

struct Options {
  Given given;
  bool json = false;
  std::string name, account = "default", expires, which, admin_url, admin_token_file;
  std::vector<std::string> models;
};

// A server that is starting holds the folder's lock before its socket answers; one that hands over changes nothing.
constexpr int tries_max = 20;
constexpr auto between_tries = std::chrono::milliseconds(100);

int complain(const Failure& failure) {
  std::fprintf(stderr, "bellwether: %s\n", failure.about.text.empty() ? failure.detail.text.str().c_str() : failure.about.text.str().c_str());
  if (failure.reason == Reason::key_rejected) return exit_not_authorised;
  return failure.reason == Reason::request_malformed ? exit_invalid : exit_failed;
}

/// What a verb does where no server runs: changes the keys of the folder and says the result as JSON.
using Change = std::function<Result<std::string>(std::vector<accounts::Key>& keys)>;

Result<std::string> change_on_disk(const store::DataFolder& folder, const Change& change) {
  BW_TRY(keys, store::load_keys(folder));
  const std::string before = store::keys_to_text(keys);
  BW_TRY(json, change(keys));
  if (store::keys_to_text(keys) != before) BW_TRY_DONE(store::save_keys(folder, keys));
  return std::move(json);
}

Result<std::string> from_reply(const AdminReply& reply) {
  if (reply.status == 200) return reply.body;
  const nlohmann::json json = nlohmann::json::parse(reply.body, nullptr, false);
  const bool denied = reply.status == 401 || reply.status == 403;
  const auto message = json.is_object() ? json.value("/error/message"_json_pointer, "the server refused") : std::string("the server refused");
  if (denied) return failed(Reason::key_rejected, PublicText{message});
  return failed(reply.status >= 500 ? Reason::store_failed : Reason::request_malformed, PublicText{message});
}

/// Through the server at --admin-url, or the one that runs on the data folder, or else in the folder itself.
Result<std::string> carry_out(const Options& options, const std::string& data, std::string_view method, const std::string& path, const std::string& body,
                              const Change& change) {
  if (!options.admin_url.empty()) {
    BW_TRY(token, read_token(options.admin_token_file));
    BW_TRY(reply, ask_url(options.admin_url, token, method, path, body));
    return from_reply(reply);
  }
  // Only the first key makes a folder: whoever looks for keys has named another one.
  const bool creates = method == "POST" && path == "/admin/keys";
  std::error_code unknown;  // Whoever may not look there is told so further on.
  if (!creates && !std::filesystem::exists(data, unknown) && !unknown)
    return failed(Reason::request_malformed, PublicText{"there is no data folder " + data + "; --data names it, or --config the file that does"});
  for (int left = tries_max;; --left) {
    BW_TRY(reply, ask_server(data, method, path, body));
    // 503: it is handing over to a successor, which will answer.
    if (reply && (reply->status != 503 || left == 0)) return from_reply(*reply);
    if (reply) {
      std::this_thread::sleep_for(between_tries);
      continue;
    }
    const auto folder = store::DataFolder::lock(data);
    if (folder) return change_on_disk(*folder, change);
    if (folder.error().reason != Reason::overloaded || left == 0) return std::unexpected(folder.error());
    std::this_thread::sleep_for(between_tries);
  }
}

WallTime wall_now() { return std::chrono::system_clock::now(); }

std::string expiry_of(const nlohmann::json& key) {
  if (key.contains("revoked_at")) return "revoked " + key["revoked_at"].get<std::string>();
  if (!key.contains("expires_at")) return "live";
  const std::string at = key["expires_at"];
  const bool over = at <= to_rfc3339(wall_now());  // Of one form, in UTC: the order of times is that of the texts.
  return (over ? "expired " : "until ") + at;
}

void print_table(const nlohmann::json& keys) {
  fmt::print("{:<20}  {:<20}  {:<12}  {:<24}  {:<32}  {}\n", "ID", "NAME", "HINT", "CREATED", "STATE", "MODELS");
  for (const nlohmann::json& key : keys) {
    std::string models;
    for (const nlohmann::json& model : key["models"]) models += (models.empty() ? "" : ",") + model.get<std::string>();
    fmt::print("{:<20}  {:<20}  {:<12}  {:<24}  {:<32}  {}\n", key["id"].get<std::string>(), key["name"].get<std::string>(), key["hint"].get<std::string>(),
               key["created_at"].get<std::string>(), expiry_of(key), models.empty() ? "all" : models);
  }
}

int finish(const Options& options, const Result<std::string>& result) {
  if (!result) return complain(result.error());
  if (options.json) {
    fmt::print("{}\n", *result);
    return exit_ok;
  }
  const nlohmann::json json = nlohmann::json::parse(*result);
  if (json.contains("keys")) {
    print_table(json["keys"]);
  } else if (json.contains("key")) {
    fmt::print("{}\n", json["key"].get<std::string>());
    std::fprintf(stderr, "key %s (%s): it is shown this once\n", json["id"].get<std::string>().c_str(), json["name"].get<std::string>().c_str());
  } else {
    std::fprintf(stderr, "key %s (%s): %s\n", json["id"].get<std::string>().c_str(), json["name"].get<std::string>().c_str(), expiry_of(json).c_str());
  }
  return exit_ok;
}

/// "90d" and what config/ reads: "12h", "30m".
std::optional<Duration> parse_expiry(std::string text) {
  if (!text.ends_with('d')) return config::parse_duration(text);
  text.back() = 'h';
  const auto hours = config::parse_duration(text);
  return hours ? std::optional<Duration>(*hours * 24) : std::nullopt;
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

/// Offline: names become canonical where the config knows them; where models are discovered any name will do.
Result<void> canonical_models(const config::Config& config, accounts::KeyWish& wish) {
  if (config.models.empty()) return {};
  const catalog::Revision revision{1, config.upstreams, config.models};
  for (std::string& name : wish.models) {
    auto model = revision.resolve(name);
    if (!model) return failed(Reason::request_malformed, std::move(model.error().about));
    name = (*model)->id;
  }
  return {};
}

int run_create(const Options& options) {
  const auto config = load(options.given, Secrets::unneeded, Purpose::data_only);
  if (!config) return cli::complain(config.error()), exit_invalid;
  accounts::KeyWish wish{.name = options.name, .account = options.account, .models = options.models};
  if (!options.expires.empty()) {
    wish.expires_in = parse_expiry(options.expires);
    if (!wish.expires_in)
      return complain({.reason = Reason::request_malformed, .about = {"--expires takes a time such as 90d, 12h or 30m, not " + options.expires}});
  }
  const auto change = [&](std::vector<accounts::Key>& keys) -> Result<std::string> {
    BW_TRY_DONE(canonical_models(*config, wish));
    BW_TRY(made, accounts::create_key(keys, wish, key_entropy(), wall_now()));
    return api::key_json(made.key, made.text);
  };
  return finish(options, carry_out(options, config->data, "POST", "/admin/keys", api::to_json(wish), change));
}

int run_list(const Options& options) {
  const auto config = load(options.given, Secrets::unneeded, Purpose::data_only);
  if (!config) return cli::complain(config.error()), exit_invalid;
  return finish(options, carry_out(options, config->data, "GET", "/admin/keys", "",
                                   [](std::vector<accounts::Key>& keys) -> Result<std::string> { return api::keys_json(keys); }));
}

int run_revoke(const Options& options) {
  const auto config = load(options.given, Secrets::unneeded, Purpose::data_only);
  if (!config) return cli::complain(config.error()), exit_invalid;
  const auto change = [&](std::vector<accounts::Key>& keys) -> Result<std::string> {
    BW_TRY(key, accounts::revoke_key(keys, options.which, wall_now()));
    return api::key_json(key);
  };
  return finish(options, carry_out(options, config->data, "DELETE", "/admin/keys/" + escaped(options.which), "", change));
}

int run_rotate(const Options& options) {
  const auto config = load(options.given, Secrets::unneeded, Purpose::data_only);
  if (!config) return cli::complain(config.error()), exit_invalid;
  const auto change = [&](std::vector<accounts::Key>& keys) -> Result<std::string> {
    BW_TRY(made, accounts::rotate_key(keys, options.which, key_entropy(), wall_now()));
    return api::key_json(made.key, made.text);
  };
  return finish(options, carry_out(options, config->data, "POST", "/admin/keys/" + escaped(options.which) + "/rotate", "", change));
}

/// An empty name is a variable that was never set.
const CLI::Validator not_empty{[](const std::string& text) { return text.empty() ? std::string("no key is named") : std::string{}; }, ""};

CLI::App* add_verb(CLI::App& key, const std::shared_ptr<Options>& options, const char* name, const char* what) {
  CLI::App* verb = key.add_subcommand(name, what);
  verb->add_option("--config", options->given.config, "The config file, for its data folder")->type_name("FILE");
  verb->add_option("--data", options->given.data, "The data folder itself")->type_name("DIR");
  CLI::Option* url = verb->add_option("--admin-url", options->admin_url, "The admin port of a server elsewhere, instead of a data folder")->type_name("URL");
  CLI::Option* token =
      verb->add_option("--admin-token-file", options->admin_token_file, "Its admin token: a copy of admin.token in its data folder")->type_name("FILE");
  url->needs(token);
  token->needs(url);
  verb->add_flag("--json", options->json, "Say the result as JSON");
  return verb;
}

}  // namespace

void add_key(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<Options>();
  CLI::App* key = app.add_subcommand("key", "Who may call: create, list, revoke and rotate keys");
  key->require_subcommand(1);
  key->footer(
      "A running server is told through the socket in its data folder and obeys at once; without one the folder is changed directly.\n"
      "A server on another machine is told through --admin-url with --admin-token-file.");

  CLI::App* create = add_verb(*key, options, "create", "Make a key; it is shown this once");
  create->add_option("--name", options->name, "Your own word for it")->required();
  create->add_option("--account", options->account, "Who pays (this version has \"default\" only)");
  create->add_option("--models", options->models, "Models that it may use, with commas between; all if left out")->delimiter(',')->type_name("M,...");
  create->add_option("--expires", options->expires, "How long it lasts: 90d, 12h, 30m; for ever if left out");
  create->footer("Examples:\n  bellwether key create --name app\n  bellwether key create --name ci --models deepseek-chat --expires 90d --json");
  create->callback([options, &chosen] { chosen = [options] { return run_create(*options); }; });

  CLI::App* list = add_verb(*key, options, "list", "List all keys, without their secrets");
  list->callback([options, &chosen] { chosen = [options] { return run_list(*options); }; });

  CLI::App* revoke = add_verb(*key, options, "revoke", "End a key now");
  revoke->add_option("key", options->which, "Its id or its name")->required()->check(not_empty);
  revoke->footer("Example:\n  bellwether key revoke app");
  revoke->callback([options, &chosen] { chosen = [options] { return run_revoke(*options); }; });

  CLI::App* rotate = add_verb(*key, options, "rotate", "End a key and make another with the same rights");
  rotate->add_option("key", options->which, "Its id or its name")->required()->check(not_empty);
  rotate->callback([options, &chosen] { chosen = [options] { return run_rotate(*options); }; });
}

}  // namespace bellwether::cli
