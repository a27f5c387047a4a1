#include "tls_fixture/tls_engine.hpp"

#include <array>
#include <cstddef>
#include <stdexcept>
#include <utility>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace httpool_test::tls {
namespace {

void check(bool is_good, const char* what) {
  if (!is_good)
    throw std::runtime_error(std::string("the tests' TLS server: ") + what);
}

std::shared_ptr<BIO> reader_of(const std::string& pem) {
  return {BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free};
}

std::shared_ptr<X509> next_in(BIO& reader) {
  X509* const certificate = PEM_read_bio_X509(&reader, nullptr, nullptr, nullptr);
  ERR_clear_error();
  return {certificate, X509_free};
}

void use(SSL_CTX* context, const identity& who) {
  const auto chain = reader_of(who.chain_pem);
  check(SSL_CTX_use_certificate(context, next_in(*chain).get()) == 1, "certificate");
  while (const auto above = next_in(*chain))
    check(SSL_CTX_add1_chain_cert(context, above.get()) == 1, "chain");
  const auto reader = reader_of(who.key_pem);
  const std::shared_ptr<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(reader.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  check(key && SSL_CTX_use_PrivateKey(context, key.get()) == 1, "key");
}

} // namespace

server_context::server_context(server_options options)
    : options_(std::move(options)), context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free) {
  SSL_CTX* const context = context_.get();
  SSL_CTX_set_min_proto_version(context, options_.min_version);
  SSL_CTX_set_max_proto_version(context, options_.max_version);
  if (options_.min_version < TLS1_2_VERSION)
    SSL_CTX_set_cipher_list(context, "DEFAULT:@SECLEVEL=0"); // which older versions need
  SSL_CTX_set_num_tickets(context, options_.tickets);
  use(context, options_.who);
  for (const std::string& each : options_.alpn)
    offer_.append(1, static_cast<char>(each.size())).append(each);
  if (!offer_.empty())
    SSL_CTX_set_alpn_select_cb(context, choose, this);
  if (!options_.client_ca_pem.empty()) {
    const auto reader = reader_of(options_.client_ca_pem);
    const auto root = next_in(*reader);
    check(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), root.get()) == 1, "client's root");
    const int strictness = options_.requires_certificate ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | strictness, nullptr);
    SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>("test"), 4);
  }
  if (options_.customize)
    options_.customize(context);
}

int server_context::choose(SSL*, const unsigned char** chosen, unsigned char* size,
                           const unsigned char* offer, unsigned offer_size, void* self) {
  const server_context& context = *static_cast<const server_context*>(self);
  const auto* const ours = reinterpret_cast<const unsigned char*>(context.offer_.data());
  if (context.options_.ignores_offer) {
    *chosen = ours + 1;
    *size = *ours;
    return SSL_TLSEXT_ERR_OK;
  }
  unsigned char* found = nullptr;
  const int result = SSL_select_next_proto(
      &found, size, ours, static_cast<unsigned>(context.offer_.size()), offer, offer_size);
  *chosen = found;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

engine::engine(const server_context& context) : handle_(SSL_new(context.get()), SSL_free) {
  SSL_set_bio(handle_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_accept_state(handle_.get());
}

void engine::feed(std::string_view bytes) {
  BIO_write(SSL_get_rbio(handle_.get()), bytes.data(), static_cast<int>(bytes.size()));
}

std::string engine::take(std::size_t most) {
  BIO* const out = SSL_get_wbio(handle_.get());
  std::string bytes(std::min(BIO_ctrl_pending(out), most), '\0');
  if (!bytes.empty())
    BIO_read(out, bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}

progress engine::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(handle_.get());
  if (result == 1)
    return progress::done;
  const bool waits = SSL_get_error(handle_.get(), result) == SSL_ERROR_WANT_READ;
  ERR_clear_error();
  return waits ? progress::wants_more : progress::failed;
}

progress engine::read(std::string& to) {
  std::array<char, 16'384> room;
  for (;;) {
    ERR_clear_error();
    const int result = SSL_read(handle_.get(), room.data(), static_cast<int>(room.size()));
    if (result > 0) {
      to.append(room.data(), static_cast<std::size_t>(result));
      continue;
    }
    const int error = SSL_get_error(handle_.get(), result);
    ERR_clear_error();
    return error == SSL_ERROR_WANT_READ     ? progress::wants_more
           : error == SSL_ERROR_ZERO_RETURN ? progress::ended
                                            : progress::failed;
  }
}

void engine::write(std::string_view text) {
  if (text.empty())
    return;
  const int size = static_cast<int>(text.size());
  check(SSL_write(handle_.get(), text.data(), size) == size, "write");
}

void engine::send_ticket() {
  check(SSL_new_session_ticket(handle_.get()) == 1, "ticket");
  check(SSL_do_handshake(handle_.get()) == 1, "ticket");
}

void engine::update_keys(bool is_requested) {
  check(SSL_key_update(handle_.get(),
                       is_requested ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) == 1,
        "key update");
  check(SSL_do_handshake(handle_.get()) == 1, "key update");
}

void engine::say_end() {
  SSL_shutdown(handle_.get());
  ERR_clear_error();
}

std::string engine::server_name() const {
  const char* const name = SSL_get_servername(handle_.get(), TLSEXT_NAMETYPE_host_name);
  return name ? name : "";
}

std::string engine::client_name() const {
  const std::shared_ptr<X509> certificate(SSL_get1_peer_certificate(handle_.get()), X509_free);
  std::array<char, 100> text = {};
  if (certificate)
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, text.data(),
                              static_cast<int>(text.size()));
  return text.data();
}

} // namespace httpool_test::tls
