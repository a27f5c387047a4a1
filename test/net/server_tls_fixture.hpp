// Servers that encrypt, and clients of them by Asio and OpenSSL alone.
#pragma once

#include "net/server_fixture.hpp"
#include "tls_fixture/server_certificates.hpp"

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <memory>
#include <string>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace server_test {

namespace fixture = httpool_test::tls;
using fixture::options_of;
using httpool::tls_server;
using httpool::tls_server_options;

inline const fixture::authority root;
inline const fixture::identity localhost = root.issue({"localhost"});

inline std::shared_ptr<tls_server> make_tls() {
  return tls_server::create(options_of({localhost}));
}

inline httpool::server_options encrypted(std::shared_ptr<tls_server> tls,
                                         httpool::server_options options = {}) {
  options.tls = std::move(tls);
  return options;
}

// The configuration of clients, and the latest session that one of them was given.
class tls_clients {
public:
  explicit tls_clients(const std::string& root_pem) : context(asio::ssl::context::tls_client) {
    context.set_verify_mode(asio::ssl::verify_peer);
    context.add_certificate_authority(asio::buffer(root_pem));
    SSL_CTX_set_ex_data(handle(), index(), this);
    SSL_CTX_set_session_cache_mode(handle(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(handle(), [](SSL* of, SSL_SESSION* got) {
      static_cast<tls_clients*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(of), index()))
          ->session.reset(got);
      return 1;
    });
  }

  SSL_CTX* handle() { return context.native_handle(); }

  void present(const fixture::identity& who) {
    context.use_certificate_chain(asio::buffer(who.chain_pem));
    context.use_private_key(asio::buffer(who.key_pem), asio::ssl::context::pem);
  }

  void only(int version) {
    SSL_CTX_set_min_proto_version(handle(), version);
    SSL_CTX_set_max_proto_version(handle(), version);
  }

  // What they offer, as it is sent.
  void offer(const std::string& protocols) {
    SSL_CTX_set_alpn_protos(handle(), reinterpret_cast<const unsigned char*>(protocols.data()),
                            static_cast<unsigned>(protocols.size()));
  }

  asio::ssl::context context;
  std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> session{nullptr, SSL_SESSION_free};

private:
  static int index() {
    static const int of_this = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return of_this;
  }
};

class tls_client_peer final : public receiver {
public:
  // Connects, and makes the handshake with the session that there is.
  tls_client_peer(const tcp::endpoint& to, tls_clients& as, const std::string& server_name = {},
                  int window = 0)
      : stream_(context_, as.context) {
    stream_.lowest_layer().open(to.protocol());
    if (window != 0)
      stream_.lowest_layer().set_option(asio::socket_base::receive_buffer_size(window));
    stream_.lowest_layer().connect(to);
    stream_.lowest_layer().set_option(tcp::no_delay(true));
    if (!server_name.empty())
      SSL_set_tlsext_host_name(handle(), server_name.c_str());
    if (as.session)
      SSL_set_session(handle(), as.session.get());
    stream_.handshake(asio::ssl::stream_base::client, failure_);
  }
  tls_client_peer(const live_server& to, tls_clients& as, const std::string& server_name = {},
                  int window = 0)
      : tls_client_peer(to.endpoint(), as, server_name, window) {}

  tls_client_peer(const tls_client_peer&) = delete;
  tls_client_peer& operator=(const tls_client_peer&) = delete;

  // Its session stays good.
  ~tls_client_peer() { SSL_set_shutdown(handle(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); }

  // Why there was no handshake.
  const error_code& failure() const { return failure_; }

  SSL* handle() { return stream_.native_handle(); }
  tcp::socket& socket() { return stream_.next_layer(); }
  bool is_resumed() { return SSL_session_reused(handle()) == 1; }

  // Whether the server's certificate is for that host.
  bool is_shown(const char* host) {
    X509* const shown = SSL_get0_peer_certificate(handle());
    return shown && X509_check_host(shown, host, 0, 0, nullptr) == 1;
  }

  bool send(std::string_view text) override {
    error_code ec;
    asio::write(stream_, asio::buffer(text), ec);
    return !ec;
  }

  // Sends a message of TLS that holds no data.
  void update_key() {
    error_code ec;
    SSL_key_update(handle(), SSL_KEY_UPDATE_NOT_REQUESTED);
    stream_.handshake(asio::ssl::stream_base::client, ec);
    BOOST_TEST(!ec);
  }

  // Says that it will send no more, without waiting for the same.
  void say_end() {
    SSL_set_quiet_shutdown(handle(), 0);
    stream_.lowest_layer().non_blocking(true);
    error_code ignored;
    stream_.shutdown(ignored);
    stream_.lowest_layer().non_blocking(false);
  }

private:
  std::size_t read(asio::mutable_buffer to, error_code& ec) override {
    return stream_.read_some(to, ec);
  }

  asio::io_context context_;
  asio::ssl::stream<tcp::socket> stream_;
  error_code failure_;
};

// Whether that is what OpenSSL said.
inline bool is_tls_error(const error_code& ec, int reason) {
  return ec.category() == asio::error::get_ssl_category() &&
         ERR_GET_REASON(static_cast<unsigned long>(ec.value())) == reason;
}

} // namespace server_test
