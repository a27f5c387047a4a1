#include "tls/openssl.hpp"
#include "tls/session_cache.hpp"
#include "tls/tls_stream.hpp"

#include <httpool/error.hpp>
#include <httpool/tls_client.hpp>

#include <boost/asio/ip/address.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <new>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

namespace httpool {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using detail::made;
using detail::owned;
using detail::refuse_tls;

using key_hash = std::array<unsigned char, 32>;

/// The hash that a pin names (RFC 7469 §2.4).
key_hash pin_of(std::string_view text) {
  constexpr std::string_view prefix = "sha256/";
  const std::string given = '"' + std::string(text) + '"';
  if (text.starts_with(prefix))
    text.remove_prefix(prefix.size());
  constexpr std::size_t encoded_size = 44;
  std::array<unsigned char, encoded_size> bytes = {};
  if (text.size() != encoded_size || text.back() != '=' || text[encoded_size - 2] == '=' ||
      EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()),
                      static_cast<int>(encoded_size)) < 0)
    refuse_tls("pinned_keys", given, "must be the SHA-256 of a public key in base64");
  key_hash hash;
  std::copy_n(bytes.begin(), hash.size(), hash.begin());
  return hash;
}

key_hash hash_of_key(X509* certificate) noexcept {
  key_hash hash = {};
  unsigned char* encoded = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &encoded);
  if (size > 0)
    EVP_Digest(encoded, static_cast<std::size_t>(size), hash.data(), nullptr, EVP_sha256(),
               nullptr);
  OPENSSL_free(encoded);
  return hash;
}

/// What OpenSSL can tell a server.
constexpr std::size_t longest_name = 255;

/// A name that can be told to a server (RFC 6066 §3), and looked for in its certificate.
void check_name(std::string& name) {
  if (name.size() > longest_name || name.find('\0') != std::string::npos)
    refuse_tls("server_name", '"' + name.substr(0, name.find('\0')) + "...\"",
               "must have at most 255 bytes and no NUL");
  if (name.starts_with('.'))
    refuse_tls("server_name", '"' + name + '"', "must not begin with a dot");
  if (name.ends_with('.'))
    name.pop_back();
}

/// The list of protocols as it is sent (RFC 7301 §3.1).
std::string offer_of(const std::vector<std::string>& protocols) {
  std::string offer;
  for (const std::string& each : protocols) {
    if (each.empty() || each.size() > 255)
      refuse_tls("alpn", '"' + each + '"', "must have from 1 to 255 bytes");
    if (each == "h2")
      refuse_tls("alpn", "\"h2\"", "HTTP/2 is not spoken");
    offer.append(1, static_cast<char>(each.size())).append(each);
  }
  if (offer.size() > 65'535)
    refuse_tls("alpn", std::to_string(protocols.size()) + " names",
               "must have 65535 bytes at most");
  return offer;
}

/// A server and how it was asked for, which a session belongs to.
struct peer_name {
  std::string peer;
  std::string host;
};

/// OpenSSL owns the name that a handle has.
void free_name(void*, void* name, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<peer_name*>(name);
}

int name_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, free_name);
  return index;
}

int client_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

const peer_name& name_of(const SSL* handle) {
  return *static_cast<const peer_name*>(SSL_get_ex_data(handle, name_index()));
}

class openssl_client final : public tls_client,
                             public detail::tls_stream::watcher,
                             public std::enable_shared_from_this<openssl_client> {
public:
  explicit openssl_client(tls_options options);

  tls_client_stats stats() const override;
  detail::secure_stream_pointer secure(stream& over, std::string_view host,
                                       std::uint16_t port) override;
  error_code completed(SSL* handle) noexcept override;
  void failed() noexcept override { ++failures_; }

private:
  void set_trust();
  void reject(std::string_view host, const char* reason) const noexcept;
  static int verify(X509_STORE_CTX* chain, void* self);
  static int keep_session(SSL* handle, SSL_SESSION* session);
  bool is_pinned(X509_STORE_CTX* chain) const noexcept;
  bool is_offered(std::string_view protocol) const noexcept;

  tls_options options_;
  std::vector<key_hash> pins_;
  const owned<SSL_CTX> context_;
  detail::session_cache sessions_;
  std::atomic<std::uint64_t> full_handshakes_ = 0;
  std::atomic<std::uint64_t> resumptions_ = 0;
  std::atomic<std::uint64_t> failures_ = 0;
};

openssl_client::openssl_client(tls_options options)
    : options_(std::move(options)),
      context_(made(SSL_CTX_new(TLS_client_method()))),
      sessions_(options_.max_sessions) {
  check_name(options_.server_name);
  detail::set_protocol(*context_, options_.min_version, options_.max_version, options_.ciphers);
  for (const std::string& each : options_.pinned_keys)
    pins_.push_back(pin_of(each));
  set_trust();
  if (options_.certificate)
    detail::use_certificate(*context_, *options_.certificate, "certificate.");
  const std::string offer = offer_of(options_.alpn);
  if (!offer.empty())
    SSL_CTX_set_alpn_protos(context_.get(), reinterpret_cast<const unsigned char*>(offer.data()),
                            static_cast<unsigned>(offer.size()));
  SSL_CTX_set_ex_data(context_.get(), client_index(), this);
  SSL_CTX_set_session_cache_mode(context_.get(),
                                 SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context_.get(), keep_session);
  if (options_.customize)
    options_.customize(context_.get());
  if (options_.certificate) { // OpenSSL has the key, and nobody else needs it.
    for (std::string* secret :
         {&options_.certificate->key_pem, &options_.certificate->key_password})
      OPENSSL_cleanse(secret->data(), secret->size());
    options_.certificate.reset();
  }
}

void openssl_client::set_trust() {
  const auto roots = detail::read_pem("ca_file", options_.ca_file, "ca_pem", options_.ca_pem);
  const auto lists = detail::read_pem("crl_file", options_.crl_file, "crl_pem", options_.crl_pem);
  if (options_.verify_peer && !options_.trust_system && roots.pem.empty())
    refuse_tls("ca_file", "empty", "trust_system is off, so that no server could be trusted");
  if (options_.trust_system)
    SSL_CTX_set_default_verify_paths(context_.get()); // which may well be missing
  X509_STORE* const store = SSL_CTX_get_cert_store(context_.get());
  if (!roots.pem.empty()) {
    for (const auto& each : detail::certificates_in(roots))
      X509_STORE_add_cert(store, each.get());
  }
  detail::check_revocation(*context_, lists);
  ERR_clear_error();
  const bool looks = options_.verify_peer || !pins_.empty();
  SSL_CTX_set_verify(context_.get(), looks ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_cert_verify_callback(context_.get(), verify, this);
}

/// Called by OpenSSL with the certificates that the server has sent.
int openssl_client::verify(X509_STORE_CTX* chain, void* self) {
  const openssl_client& client = *static_cast<const openssl_client*>(self);
  bool good = !client.options_.verify_peer || X509_verify_cert(chain) == 1;
  if (good && !client.pins_.empty() && !client.is_pinned(chain)) {
    X509_STORE_CTX_set_error(chain, X509_V_ERR_APPLICATION_VERIFICATION);
    good = false;
  }
  if (good) {
    X509_STORE_CTX_set_error(chain, X509_V_OK);
    return 1;
  }
  const int error = X509_STORE_CTX_get_error(chain);
  const auto* const handle = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
  client.reject(name_of(handle).host, error == X509_V_ERR_APPLICATION_VERIFICATION
                                          ? "no certificate has a pinned key"
                                          : X509_verify_cert_error_string(error));
  return 0;
}

/// It is told not to throw; OpenSSL could not bear it.
void openssl_client::reject(std::string_view host, const char* reason) const noexcept {
  if (!options_.on_rejected)
    return;
  try {
    options_.on_rejected(host, reason);
  } catch (...) {
    // The dial fails in any case.
  }
}

bool openssl_client::is_pinned(X509_STORE_CTX* chain) const noexcept {
  const auto is_one = [this](X509* certificate) {
    return std::find(pins_.begin(), pins_.end(), hash_of_key(certificate)) != pins_.end();
  };
  if (!options_.verify_peer)
    return is_one(X509_STORE_CTX_get0_cert(chain));
  STACK_OF(X509)* const verified = X509_STORE_CTX_get0_chain(chain);
  for (int i = 0; i < sk_X509_num(verified); ++i) {
    if (is_one(sk_X509_value(verified, i)))
      return true;
  }
  return false;
}

/// Called by OpenSSL when a session may be resumed later: with TLS 1.3 at any time, once for each
/// ticket.
int openssl_client::keep_session(SSL* handle, SSL_SESSION* session) {
  auto& client =
      *static_cast<openssl_client*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(handle), client_index()));
  owned<SSL_SESSION> kept(session);
  try {
    client.sessions_.put(name_of(handle).peer, std::move(kept));
  } catch (const std::bad_alloc&) {
    // The next connection makes a full handshake.
  }
  return 1;
}

detail::secure_stream_pointer openssl_client::secure(stream& over, std::string_view host,
                                                     std::uint16_t port) {
  auto name = std::make_unique<peer_name>();
  name->host = options_.server_name.empty() ? std::string(host) : options_.server_name;
  if (name->host.empty() && options_.verify_peer) {
    reject({}, "there is no host to verify, and server_name is empty");
    throw boost::system::system_error(error::certificate_error);
  }
  // OpenSSL takes a dot at the beginning for any name below.
  if (name->host.starts_with('.') || name->host.size() > longest_name)
    throw boost::system::system_error(error::name_not_found);
  owned<SSL> handle = made(SSL_new(context_.get()));
  name->peer.append(host).append(":").append(std::to_string(port));
  const peer_name& known = *name;
  if (SSL_set_ex_data(handle.get(), name_index(), name.get()) != 1)
    throw std::bad_alloc();
  name.release();

  error_code is_name;
  const auto address = asio::ip::make_address(known.host.substr(0, known.host.find('%')), is_name);
  X509_VERIFY_PARAM* const wanted = SSL_get0_param(handle.get());
  // The subject of a certificate names nobody (RFC 9110 §4.3.4).
  X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                              X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  const bool is_set =
      known.host.empty() ? true
      : is_name
          ? SSL_set_tlsext_host_name(handle.get(), known.host.c_str()) == 1 &&
                X509_VERIFY_PARAM_set1_host(wanted, known.host.c_str(), known.host.size()) == 1
          : X509_VERIFY_PARAM_set1_ip_asc(wanted, address.to_string().c_str()) == 1;
  if (!is_set)
    throw std::bad_alloc();
  if (const auto session = sessions_.take(known.peer))
    SSL_set_session(handle.get(), session.get());
  return detail::secure_stream_pointer(
      new detail::tls_stream(over, std::move(handle), detail::tls_stream::role::client,
                             std::shared_ptr<watcher>(shared_from_this())));
}

error_code openssl_client::completed(SSL* handle) noexcept {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(handle, &name, &size);
  if (size != 0 && !is_offered({reinterpret_cast<const char*>(name), size}))
    return error::protocol_error;
  ++(SSL_session_reused(handle) == 1 ? resumptions_ : full_handshakes_);
  return {};
}

bool openssl_client::is_offered(std::string_view protocol) const noexcept {
  return std::find(options_.alpn.begin(), options_.alpn.end(), protocol) != options_.alpn.end();
}

tls_client_stats openssl_client::stats() const {
  return {full_handshakes_, resumptions_, failures_, sessions_.size()};
}

} // namespace

std::shared_ptr<tls_client> tls_client::create(tls_options options) {
  return std::make_shared<openssl_client>(std::move(options));
}

} // namespace httpool
