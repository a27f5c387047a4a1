// OpenSSL's objects, owned, and what client and server set up alike.
#pragma once

#include <httpool/tls_certificate.hpp>

#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace httpool::detail {

struct openssl_free {
  void operator()(SSL_CTX* p) const noexcept { SSL_CTX_free(p); }
  void operator()(SSL* p) const noexcept { SSL_free(p); }
  void operator()(SSL_SESSION* p) const noexcept { SSL_SESSION_free(p); }
  void operator()(X509* p) const noexcept { X509_free(p); }
  void operator()(X509_CRL* p) const noexcept { X509_CRL_free(p); }
  void operator()(EVP_PKEY* p) const noexcept { EVP_PKEY_free(p); }
  void operator()(BIO* p) const noexcept { BIO_free(p); }
};
template <class T>
using owned = std::unique_ptr<T, openssl_free>;

/// \throws std::invalid_argument that names the field, the value, and what it must do.
[[noreturn]] void refuse_tls(std::string_view field, std::string_view value, std::string_view rule);

/// \throws std::bad_alloc, which is all that fails in OpenSSL's constructors.
template <class T>
owned<T> made(T* object) {
  if (!object)
    throw std::bad_alloc();
  return owned<T>(object);
}

/// One option that is a file or a text: its name in messages, and what it says.
struct pem_source {
  std::string field;
  std::string value; ///< The name of the file, or "a text".
  std::string pem;
};

/// What the file or the text says; nothing if neither is given.
///
/// \throws std::invalid_argument if both are, or the file cannot be read.
pem_source read_pem(std::string_view file_field, const std::string& file,
                    std::string_view pem_field, const std::string& pem);

/// All certificates, or revocation lists, of a text: at least one.
///
/// \throws std::invalid_argument if there is none, or one is damaged.
std::vector<owned<X509>> certificates_in(const pem_source& source);
std::vector<owned<X509_CRL>> revocation_lists_in(const pem_source& source);

/// From now on every certificate of a chain that `context` verifies must be on no list, and its
/// authority must have one. Does nothing if the text is empty.
///
/// \throws std::invalid_argument as `revocation_lists_in` does.
void check_revocation(SSL_CTX& context, const pem_source& lists);

/// Sets what both sides have in common: versions, cipher suites, and what is never allowed.
///
/// \throws std::invalid_argument as `tls_client::create` does.
void set_protocol(SSL_CTX& context, tls_version min, tls_version max, const std::string& ciphers);

/// \throws std::invalid_argument as `tls_client::create` does; `prefix` stands before the names of
/// the fields.
void use_certificate(SSL_CTX& context, const tls_certificate& certificate, std::string_view prefix);

} // namespace httpool::detail
