// OpenSSL contexts: what is trusted, what is shown, and the sessions that save a handshake.
#pragma once

#include <memory>
#include <string>

#include <openssl/ssl.h>

#include "base/result.h"

namespace bellwether::net {

using TlsContext = std::shared_ptr<SSL_CTX>;

/// For callers: TLS 1.2 and up, certificate chain and key from PEM files; session tickets on. Fails with store_failed and a
/// detail that names the file and what is wrong with it.
[[nodiscard]] Result<TlsContext> make_server_tls(const std::string& certificate_file, const std::string& private_key_file);

/// For upstreams: verifies against the system's store, or SSL_CERT_FILE and SSL_CERT_DIR where they are set. TLS 1.2 and up.
[[nodiscard]] Result<TlsContext> make_client_tls();

/// The last session that one upstream gave us, for the next handshake with it. One lane only.
class TlsSessionCache {
 public:
  [[nodiscard]] SSL_SESSION* last() const { return session_.get(); }
  void keep(SSL_SESSION* session) { session_.reset(session); }

 private:
  struct Free {
    void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
  };
  std::unique_ptr<SSL_SESSION, Free> session_;
};

/// Connects `cache` to a context made by make_client_tls that is used by one upstream of one lane only; it must outlive it.
void remember_sessions(SSL_CTX* context, TlsSessionCache& cache);

}  // namespace bellwether::net
