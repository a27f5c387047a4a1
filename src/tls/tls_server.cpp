#include "tls/openssl.hpp"
#include "tls/ticket_end.hpp"
#include "tls/tls_stream.hpp"

#include <httpool/tls_server.hpp>

#include <array>
#include <atomic>
#include <mutex>
#include <new>
#include <string_view>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

namespace httpool {
namespace {

using boost::system::error_code;
using detail::made;
using detail::owned;
using detail::refuse_tls;

struct counts {
  std::atomic<std::uint64_t> full_handshakes = 0;
  std::atomic<std::uint64_t> resumptions = 0;
  std::atomic<std::uint64_t> failures = 0;
};

/// Takes HTTP/1.1 if it is among what the client offers, and turns the client away if it is not
/// (RFC 7301 §3.2). Is not called if the client offers nothing.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned offered_size, void*) {
  constexpr std::string_view spoken = "\x08http/1.1";
  std::string_view rest(reinterpret_cast<const char*>(offered), offered_size);
  while (!rest.empty()) {
    const std::string_view each = rest.substr(0, 1 + static_cast<unsigned char>(rest.front()));
    if (each == spoken) {
      *chosen = reinterpret_cast<const unsigned char*>(each.data()) + 1;
      *chosen_size = static_cast<unsigned char>(each.size() - 1);
      return SSL_TLSEXT_ERR_OK;
    }
    rest.remove_prefix(each.size());
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/// What the files have said at one time, for the connections that began then.
class generation final : public detail::tls_stream::watcher {
public:
  /// Sessions of `before` can be resumed, unless clients have to prove something else by now.
  generation(const tls_server_options& options, std::shared_ptr<counts> figures,
             const generation* before);

  owned<SSL> new_handle() const { return made(SSL_new(contexts_.front().get())); }

  error_code completed(SSL* handle) noexcept override {
    ++(SSL_session_reused(handle) == 1 ? figures_->resumptions : figures_->full_handshakes);
    return {};
  }
  void failed() noexcept override { ++figures_->failures; }

private:
  void add(const tls_server_options& options, std::size_t index);
  void ask_for_certificates(const tls_server_options& options);
  void share_tickets(SSL_CTX& from);
  static int choose_certificate(SSL* handle, int* alert, void* self);

  std::vector<owned<SSL_CTX>> contexts_; ///< One a certificate; handles are made by the first.
  const std::shared_ptr<counts> figures_;
};

generation::generation(const tls_server_options& options, std::shared_ptr<counts> figures,
                       const generation* before)
    : figures_(std::move(figures)) {
  if (options.certificates.empty())
    refuse_tls("certificates", "empty", "a server needs one");
  for (std::size_t i = 0; i != options.certificates.size(); ++i)
    add(options, i);
  SSL_CTX_set_tlsext_servername_callback(contexts_.front().get(), choose_certificate);
  SSL_CTX_set_tlsext_servername_arg(contexts_.front().get(), this);
  ask_for_certificates(options);
  share_tickets(before ? *before->contexts_.front() : *contexts_.front());
  if (options.customize) {
    for (const auto& each : contexts_)
      options.customize(each.get());
  }
}

void generation::add(const tls_server_options& options, std::size_t index) {
  owned<SSL_CTX> context = made(SSL_CTX_new(TLS_server_method()));
  detail::set_protocol(*context, options.min_version, options.max_version, options.ciphers);
  detail::use_certificate(*context, options.certificates[index],
                          "certificates[" + std::to_string(index) + "].");
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  // Clients keep their sessions themselves, as tickets.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  detail::end_tickets_with_proof(*context);
  contexts_.push_back(std::move(context));
}

void generation::ask_for_certificates(const tls_server_options& options) {
  const auto roots = detail::read_pem("client_ca_file", options.client_ca_file, "client_ca_pem",
                                      options.client_ca_pem);
  const auto lists = detail::read_pem("client_crl_file", options.client_crl_file, "client_crl_pem",
                                      options.client_crl_pem);
  if (roots.pem.empty() && !lists.pem.empty())
    refuse_tls(lists.field, lists.value, "client_ca_file is empty: no client is asked");
  // A session stands for what its client has proved. If clients have to prove something else by
  // now, or to somebody else, the session does not, and OpenSSL compares this mark of it.
  const std::string asked =
      (options.require_client_certificate ? "require " : "ask ") + roots.pem + lists.pem;
  std::array<unsigned char, 32> mark = {};
  EVP_Digest(asked.data(), asked.size(), mark.data(), nullptr, EVP_sha256(), nullptr);
  for (const auto& each : contexts_)
    SSL_CTX_set_session_id_context(each.get(), mark.data(), static_cast<unsigned>(mark.size()));

  if (roots.pem.empty())
    return;
  const auto certificates = detail::certificates_in(roots);
  for (const auto& each : contexts_) {
    for (const auto& root : certificates) {
      X509_STORE_add_cert(SSL_CTX_get_cert_store(each.get()), root.get());
      if (SSL_CTX_add_client_CA(each.get(), root.get()) != 1)
        throw std::bad_alloc();
    }
    detail::check_revocation(*each, lists);
    const int must = options.require_client_certificate ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
    SSL_CTX_set_verify(each.get(), SSL_VERIFY_PEER | must, nullptr);
  }
  ERR_clear_error();
}

/// The keys that tickets are encrypted with become those of `from`.
void generation::share_tickets(SSL_CTX& from) {
  std::array<unsigned char, 80> keys = {};
  bool is_done = SSL_CTX_get_tlsext_ticket_keys(&from, keys.data(), keys.size()) == 1;
  for (const auto& each : contexts_)
    is_done = is_done && SSL_CTX_set_tlsext_ticket_keys(each.get(), keys.data(), keys.size()) == 1;
  OPENSSL_cleanse(keys.data(), keys.size());
  if (!is_done)
    throw std::bad_alloc();
}

/// Called by OpenSSL when the client has said whom it wants to talk to.
int generation::choose_certificate(SSL* handle, int*, void* self) {
  const char* const host = SSL_get_servername(handle, TLSEXT_NAMETYPE_host_name);
  if (!host)
    return SSL_TLSEXT_ERR_NOACK;
  for (const auto& each : static_cast<const generation*>(self)->contexts_) {
    X509* const certificate = SSL_CTX_get0_certificate(each.get());
    if (certificate &&
        X509_check_host(certificate, host, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, nullptr) == 1) {
      SSL_set_SSL_CTX(handle, each.get());
      return SSL_TLSEXT_ERR_OK;
    }
  }
  return SSL_TLSEXT_ERR_NOACK;
}

class openssl_server final : public tls_server {
public:
  explicit openssl_server(const tls_server_options& options)
      : latest_(std::make_shared<generation>(options, figures_, nullptr)) {}

  void reload(tls_server_options options) override;
  tls_server_stats stats() const override;
  detail::secure_stream_pointer secure(stream& over) override;

private:
  std::shared_ptr<generation> latest() const {
    const std::lock_guard lock(mutex_);
    return latest_;
  }

  const std::shared_ptr<counts> figures_ = std::make_shared<counts>();
  mutable std::mutex mutex_;
  std::shared_ptr<generation> latest_; ///< Guarded by mutex_.
};

void openssl_server::reload(tls_server_options options) {
  auto next = std::make_shared<generation>(options, figures_, latest().get());
  const std::lock_guard lock(mutex_);
  latest_.swap(next);
}

tls_server_stats openssl_server::stats() const {
  return {figures_->full_handshakes, figures_->resumptions, figures_->failures};
}

detail::secure_stream_pointer openssl_server::secure(stream& over) {
  auto with = latest();
  owned<SSL> handle = with->new_handle();
  return detail::secure_stream_pointer(new detail::tls_stream(
      over, std::move(handle), detail::tls_stream::role::server, std::move(with)));
}

} // namespace

std::shared_ptr<tls_server> tls_server::create(tls_server_options options) {
  return std::make_shared<openssl_server>(options);
}

} // namespace httpool
