#include "net/tls.h"

#include <openssl/err.h>

#include <cstring>

namespace bellwether::net {
namespace {

std::unexpected<Failure> tls_failed(std::string what) {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  if (ERR_SYSTEM_ERROR(code)) reason = std::strerror(ERR_GET_REASON(code));  // OpenSSL says "system lib" of a missing file.
  if (reason != nullptr) what += std::string(": ") + reason;
  return failed(Reason::store_failed, std::move(what));
}

TlsContext make_context(const SSL_METHOD* method) {
  TlsContext context{SSL_CTX_new(method), SSL_CTX_free};
  if (!context) return context;
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // RELEASE_BUFFERS: an idle connection gives back its 34 KB of record buffers.
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
  // OpenSSL 3 calls an end without close_notify an error; for HTTP the framing decides what was cut (RFC 9112 §9.8).
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  return context;
}

int on_new_session(SSL* tls, SSL_SESSION* session) {
  auto* cache = static_cast<TlsSessionCache*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(tls)));
  if (cache == nullptr) return 0;
  cache->keep(session);
  return 1;  // The reference is ours now.
}

}  // namespace

Result<TlsContext> make_server_tls(const std::string& certificate_file, const std::string& private_key_file) {
  TlsContext context = make_context(TLS_server_method());
  if (!context) return tls_failed("cannot make a TLS context");
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_file.c_str()) != 1) return tls_failed("cannot read the certificate " + certificate_file);
  if (SSL_CTX_use_PrivateKey_file(context.get(), private_key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    return tls_failed("cannot read the private key " + private_key_file);
  if (SSL_CTX_check_private_key(context.get()) != 1)
    return tls_failed("the private key " + private_key_file + " does not belong to the certificate " + certificate_file);
  constexpr unsigned char id[] = "bellwether";
  SSL_CTX_set_session_id_context(context.get(), id, sizeof id - 1);
  return context;
}

Result<TlsContext> make_client_tls() {
  TlsContext context = make_context(TLS_client_method());
  if (!context) return tls_failed("cannot make a TLS context");
  if (SSL_CTX_set_default_verify_paths(context.get()) != 1) return tls_failed("cannot read the trusted certificates");
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  return context;
}

void remember_sessions(SSL_CTX* context, TlsSessionCache& cache) {
  SSL_CTX_set_app_data(context, &cache);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, on_new_session);
}

}  // namespace bellwether::net
