// The admin surface: metrics, health and keys. Never on the callers' port. Two doors: the TCP port, which tells and changes nothing,
// unless it is shown the admin token, and the Unix socket in the data directory, where the file's permission is the credential.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "accounts/key.h"
#include "accounts/key_book.h"
#include "base/result.h"
#include "net/session.h"
#include "relay/health.h"

namespace bellwether::api {

/// What the admin surface asks of the process; cli/serve.cc answers. Control loop only.
class Control {
 public:
  virtual ~Control() = default;
  enum class State : std::uint8_t { starting, ready, draining };
  [[nodiscard]] virtual State state() const = 0;
  [[nodiscard]] virtual std::string metrics_page() = 0;
  /// As all lanes see them, a second ago at most.
  [[nodiscard]] virtual const std::vector<relay::TargetState>& upstreams() const = 0;
  [[nodiscard]] virtual const std::vector<accounts::Key>& keys() const = 0;
  /// Each is on disk and known to every lane when it returns.
  [[nodiscard]] virtual net::Task<Result<accounts::MadeKey>> create_key(accounts::KeyWish wish) = 0;
  [[nodiscard]] virtual net::Task<Result<accounts::Key>> revoke_key(std::string id_or_name) = 0;
  [[nodiscard]] virtual net::Task<Result<accounts::MadeKey>> rotate_key(std::string id_or_name) = 0;
  /// Reads the config again; the text of all problems if it is refused.
  [[nodiscard]] virtual Result<void> reload() = 0;
};

enum class AdminDoor : std::uint8_t { tcp, unix_socket };

class Admin final : public net::Handler {
 public:
  /// `token`: the digest of the admin token, which the TCP port asks for before it changes anything.
  Admin(net::Loop& loop, Control& control, AdminDoor door, const accounts::Digest& token) : loop_{loop}, control_{control}, door_{door}, token_{token} {}

  [[nodiscard]] Result<void> admit(const http::RequestHead& head) override;
  [[nodiscard]] net::Task<void> handle(net::Request& request, net::Reply& reply) override;
  [[nodiscard]] net::Task<void> refuse(const Failure& failure, const http::RequestHead* head, net::Reply& reply) override;

 private:
  struct Answer {
    int status = 200;
    std::string_view content_type = "application/json";
    std::string body;
  };
  [[nodiscard]] net::Task<Result<Answer>> answer(const net::Request& request);
  [[nodiscard]] net::Task<Result<Answer>> keys(const net::Request& request, std::string_view rest);

  net::Loop& loop_;
  Control& control_;
  AdminDoor door_;
  accounts::Digest token_;
};

/// {"schema":"bellwether.key/1",…}: with the key's text where it was just made. Shared with the command line.
[[nodiscard]] std::string key_json(const accounts::Key& key, std::string_view text = {});
/// {"schema":"bellwether.keys/1","keys":[…]}
[[nodiscard]] std::string keys_json(const std::vector<accounts::Key>& keys);
/// {"schema":"bellwether.upstreams/1","upstreams":[{"name",…,"models":[…]}]}: docs/operating.md. `states` in the order of names.
[[nodiscard]] std::string upstreams_json(const std::vector<relay::TargetState>& states);

/// A wish as the command line sends it: {"name","account","models":[…],"expires_in_ms"}. Fails with request_malformed.
[[nodiscard]] Result<accounts::KeyWish> key_wish_from_json(std::string_view body);
[[nodiscard]] std::string to_json(const accounts::KeyWish& wish);

}  // namespace bellwether::api
