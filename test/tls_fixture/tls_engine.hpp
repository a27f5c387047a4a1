// The server's end of TLS without a transport: bytes go in, bytes come out.
#pragma once

#include "tls_fixture/certificates.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/ssl.h>

namespace httpool_test::tls {

struct server_options {
  identity who;
  int min_version = TLS1_2_VERSION;
  int max_version = TLS1_3_VERSION;
  std::vector<std::string> alpn = {"http/1.1"}; ///< None is chosen if this is empty.
  bool ignores_offer = false;       ///< Chooses the first of `alpn`, whatever has been offered.
  std::string client_ca_pem = {};   ///< If not empty, clients are asked for a certificate,
  bool requires_certificate = true; ///< and must have one.
  std::size_t tickets = 2;          ///< Sent after a handshake of TLS 1.3.
  std::function<void(SSL_CTX*)> customize = {};
};

/// What many engines share, such as the keys of the tickets.
class server_context {
public:
  explicit server_context(server_options options);

  SSL_CTX* get() const noexcept { return context_.get(); }

private:
  static int choose(SSL* handle, const unsigned char** chosen, unsigned char* size,
                    const unsigned char* offer, unsigned offer_size, void* self);

  const server_options options_;
  std::string offer_; ///< As it is sent.
  std::shared_ptr<SSL_CTX> context_;
};

enum class progress { done, wants_more, ended, failed };

class engine {
public:
  explicit engine(const server_context& context);

  /// Bytes that have come over the wire.
  void feed(std::string_view bytes);

  /// Bytes for the wire, not more than so many.
  std::string take(std::size_t most = std::string::npos);

  progress handshake();
  /// Appends what there is; `ended` after close_notify.
  progress read(std::string& to);
  void write(std::string_view text);
  void send_ticket();
  /// `is_requested` asks the other side to do the same.
  void update_keys(bool is_requested);
  /// close_notify
  void say_end();

  bool is_resumed() const noexcept { return SSL_session_reused(handle_.get()) == 1; }
  int version() const noexcept { return SSL_version(handle_.get()); }
  /// SNI; empty if the client has told none.
  std::string server_name() const;
  /// The common name of the client's certificate; empty if it has shown none.
  std::string client_name() const;

private:
  std::shared_ptr<SSL> handle_;
};

} // namespace httpool_test::tls
