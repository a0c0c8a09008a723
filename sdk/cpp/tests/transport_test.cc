// Ways to a server: TLS, IPv6, a Unix socket, and no way at all.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "world.h"

namespace bellwether::testing {
namespace {

/// An authority of our own and a certificate for this machine, made by openssl.
void make_certificates(const Folder& folder) {
  const auto openssl = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "openssl");
    run(arguments, folder.path());
  };
  const std::vector<std::string> key{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"};
  openssl({"req", "-x509", key[0], key[1], key[2], key[3], key[4], "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test ca"});
  openssl({"req", key[0], key[1], key[2], key[3], key[4], "-keyout", "good.key", "-out", "good.csr", "-subj", "/CN=good"});
  folder.write("ext", "subjectAltName=DNS:localhost\n");
  openssl({"x509", "-req", "-in", "good.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "good.pem", "-days", "2", "-extfile", "ext"});
}

TEST(Transport, OfTlsTrustsTheAuthoritiesItIsGivenAndNoOthers) {
  const Folder folder;
  make_certificates(folder);
  const Simulator sim{folder};
  const Gateway gateway{folder, sim, {}, R"(listen = "127.0.0.1:0"
tls = { certificate = "good.pem", private_key = { file = "good.key" } })"};
  const std::string port = gateway.url().substr(gateway.url().rfind(':'));
  ClientOptions options = hasty(gateway.options());
  options.base_url = "https://localhost" + port + "/v1";
  ::unsetenv("SSL_CERT_FILE");
  const Result<ChatCompletion> untrusted = Client{options}.chat(ask());
  ASSERT_FALSE(untrusted);
  EXPECT_EQ(untrusted.error().kind, ErrorKind::connection);
  EXPECT_NE(untrusted.error().message.find("certificate"), std::string::npos) << untrusted.error().message;

  ::setenv("SSL_CERT_FILE", (folder.path() / "ca.pem").c_str(), 1);
  const Client client{options};
  const Result<ChatCompletion> trusted = client.chat(ask());
  EXPECT_TRUE(trusted) << trusted.error().to_string();
  EXPECT_FALSE(hear(client.chat_stream(ask())).error);
  options.base_url = "https://127.0.0.1" + port + "/v1";
  EXPECT_EQ(Client{options}.chat(ask()).error().kind, ErrorKind::connection) << "the certificate is for another name";
  ::unsetenv("SSL_CERT_FILE");
}

TEST(Transport, OfIpv6Answers) {
  const int fd = ::socket(AF_INET6, SOCK_STREAM, 0);
  sockaddr_in6 loopback{};
  loopback.sin6_family = AF_INET6;
  loopback.sin6_addr = in6addr_loopback;
  const bool has_ipv6 = fd >= 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&loopback), sizeof loopback) == 0;
  ::close(fd);
  if (!has_ipv6) GTEST_SKIP() << "this machine has no IPv6";
  const Folder folder;
  const Simulator sim{folder, {}, "sim6", "[::1]:0"};
  const Result<ChatCompletion> answer = Client{sim.options()}.chat(ask("deepseek-ai/DeepSeek-V3"));
  EXPECT_TRUE(answer) << sim.url() << ": " << answer.error().to_string();
}

TEST(Transport, OfAUnixSocketAnswers) {
  const Folder folder;
  const Simulator sim{folder};
  const std::string path = folder.path() / "gateway.sock";
  const Gateway gateway{folder, sim, {}, "listen = \"unix:" + path + "\""};
  ClientOptions options = gateway.options();
  options.base_url = "unix:" + path;
  const Client client{options};
  const Result<ChatCompletion> answer = client.chat(ask());
  EXPECT_TRUE(answer) << answer.error().to_string();
  EXPECT_FALSE(hear(client.chat_stream(ask())).error);
}

TEST(Transport, ToNobodyIsAConnectionError) {
  // Bound and not listening: refused. A name of the reserved kind (RFC 6761): not found.
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), size), 0);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  for (const std::string& host : {"127.0.0.1:" + std::to_string(ntohs(address.sin_port)), std::string("nobody.invalid")}) {
    const Client client{{.base_url = "http://" + host + "/v1", .key_check = KeyCheck::none, .deadline = std::chrono::seconds(20), .max_retries = 1}};
    const Result<ChatCompletion> answer = client.chat(ask());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, ErrorKind::connection) << answer.error().to_string();
    EXPECT_EQ(answer.error().attempts, 2);
    EXPECT_TRUE(answer.error().retryable());
  }
  ::close(fd);
  EXPECT_EQ(Client({.base_url = "nonsense", .key_check = KeyCheck::none}).chat(ask()).error().param, "base_url");
}

}  // namespace
}  // namespace bellwether::testing
