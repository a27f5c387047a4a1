#include "tls_fixture/certificates.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace httpool_test::tls {
namespace {

struct freer {
  void operator()(X509* p) const noexcept { X509_free(p); }
  void operator()(X509_CRL* p) const noexcept { X509_CRL_free(p); }
  void operator()(X509_REVOKED* p) const noexcept { X509_REVOKED_free(p); }
  void operator()(X509_EXTENSION* p) const noexcept { X509_EXTENSION_free(p); }
  void operator()(X509_NAME* p) const noexcept { X509_NAME_free(p); }
  void operator()(EVP_PKEY* p) const noexcept { EVP_PKEY_free(p); }
  void operator()(ASN1_TIME* p) const noexcept { ASN1_TIME_free(p); }
  void operator()(BIO* p) const noexcept { BIO_free(p); }
};
template <class T>
using owned = std::unique_ptr<T, freer>;

template <class T>
owned<T> made(T* object) {
  if (!object)
    throw std::runtime_error("OpenSSL makes no certificate");
  return owned<T>(object);
}

void check(int result) {
  if (result <= 0)
    throw std::runtime_error("OpenSSL makes no certificate");
}

template <class Write>
std::string written(Write write) {
  const auto out = made(BIO_new(BIO_s_mem()));
  check(write(out.get()));
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string pem_of(X509& certificate) {
  return written([&](BIO* out) { return PEM_write_bio_X509(out, &certificate); });
}

owned<X509> first_in(const std::string& pem) {
  const auto in = made(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return made(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
}

std::string pem_of(EVP_PKEY& key, const std::string& password) {
  return written([&](BIO* out) {
    const auto* const secret = reinterpret_cast<const unsigned char*>(password.data());
    return PEM_write_bio_PrivateKey(out, &key, password.empty() ? nullptr : EVP_aes_256_cbc(),
                                    secret, static_cast<int>(password.size()), nullptr, nullptr);
  });
}

owned<X509_NAME> name_of(const std::string& common_name) {
  auto name = made(X509_NAME_new());
  check(X509_NAME_add_entry_by_txt(name.get(), "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(common_name.data()),
                                   static_cast<int>(common_name.size()), -1, 0));
  return name;
}

owned<ASN1_TIME> in(std::chrono::seconds from_now) {
  return made(X509_gmtime_adj(nullptr, static_cast<long>(from_now.count())));
}

/// A certificate that lacks nothing but extensions and the signature.
owned<X509> blank(const std::string& common_name, X509* issuer, EVP_PKEY& key,
                  const issue_options& options) {
  auto certificate = made(X509_new());
  check(X509_set_version(certificate.get(), X509_VERSION_3));
  std::uint32_t serial = 0;
  check(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial));
  check(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial + 1ull));
  check(X509_set1_notBefore(certificate.get(), in(options.not_before).get()));
  check(X509_set1_notAfter(certificate.get(), in(options.not_after).get()));
  const auto name = name_of(common_name);
  check(X509_set_subject_name(certificate.get(), name.get()));
  check(
      X509_set_issuer_name(certificate.get(), issuer ? X509_get_subject_name(issuer) : name.get()));
  check(X509_set_pubkey(certificate.get(), &key));
  return certificate;
}

void extend(X509& certificate, X509* issuer, int what, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer ? issuer : &certificate, &certificate, nullptr, nullptr, 0);
  const auto extension = made(X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str()));
  check(X509_add_ext(&certificate, extension.get(), -1));
}

/// Authorities have a year on either side, whatever those below them are to show.
issue_options of_authority() {
  issue_options options;
  options.not_before = -std::chrono::hours(24 * 365);
  options.not_after = std::chrono::hours(24 * 365);
  return options;
}

std::string names_of(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& each : names) {
    const bool is_address = each.find(':') != std::string::npos ||
                            each.find_first_not_of("0123456789.") == std::string::npos;
    text.append(text.empty() ? "" : ",").append(is_address ? "IP:" : "DNS:").append(each);
  }
  return text;
}

} // namespace

struct authority::state {
  owned<X509> certificate;
  owned<EVP_PKEY> key;
  std::string root_pem;
  std::string chain_pem; ///< Up to the root, but without it.
};

namespace {

/// The certificate of an authority, signed by the one above or by itself.
owned<X509> authority_certificate(const std::string& name, EVP_PKEY& key, X509* issuer,
                                  EVP_PKEY& signer) {
  auto certificate = blank(name, issuer, key, of_authority());
  extend(*certificate, issuer, NID_basic_constraints, "critical,CA:TRUE");
  extend(*certificate, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
  extend(*certificate, issuer, NID_subject_key_identifier, "hash");
  if (issuer)
    extend(*certificate, issuer, NID_authority_key_identifier, "keyid:always");
  check(X509_sign(certificate.get(), &signer, EVP_sha256()));
  return certificate;
}

} // namespace

authority::authority(std::string name) {
  auto root = std::make_shared<state>();
  root->key = made(EVP_EC_gen("P-256"));
  root->certificate = authority_certificate(name, *root->key, nullptr, *root->key);
  root->root_pem = pem_of(*root->certificate);
  state_ = std::move(root);
}

const std::string& authority::root_pem() const {
  return state_->root_pem;
}

authority authority::intermediate(const std::string& name) const {
  auto below = std::make_shared<state>();
  below->key = made(EVP_EC_gen("P-256"));
  below->certificate =
      authority_certificate(name, *below->key, state_->certificate.get(), *state_->key);
  below->root_pem = state_->root_pem;
  below->chain_pem = pem_of(*below->certificate) + state_->chain_pem;
  return authority(std::move(below));
}

identity authority::issue(const std::vector<std::string>& names,
                          const issue_options& options) const {
  const auto key = made(EVP_EC_gen("P-256"));
  X509* const issuer = options.is_self_signed ? nullptr : state_->certificate.get();
  const auto certificate = blank(names.at(0), issuer, *key, options);
  extend(*certificate, issuer, NID_basic_constraints, "critical,CA:FALSE");
  extend(*certificate, issuer, NID_key_usage, "critical,digitalSignature");
  extend(*certificate, issuer, NID_ext_key_usage,
         options.is_for == purpose::server ? "serverAuth" : "clientAuth");
  extend(*certificate, issuer, NID_subject_key_identifier, "hash");
  if (issuer && options.names_key)
    extend(*certificate, issuer, NID_authority_key_identifier, "keyid:always");
  if (options.has_names)
    extend(*certificate, issuer, NID_subject_alt_name, names_of(names));
  check(X509_sign(certificate.get(), issuer ? state_->key.get() : key.get(), EVP_sha256()));

  identity issued{pem_of(*certificate), pem_of(*key, options.key_password)};
  if (issuer && options.has_authority)
    issued.chain_pem += state_->chain_pem;
  return issued;
}

std::string authority::crl_pem(const std::vector<identity>& revoked,
                               std::chrono::seconds next_update) const {
  const auto list = made(X509_CRL_new());
  check(X509_CRL_set_version(list.get(), X509_CRL_VERSION_2));
  check(X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(state_->certificate.get())));
  check(X509_CRL_set1_lastUpdate(list.get(), in(-std::chrono::hours(48)).get()));
  check(X509_CRL_set1_nextUpdate(list.get(), in(next_update).get()));
  for (const identity& each : revoked) {
    const auto certificate = first_in(each.chain_pem);
    auto entry = made(X509_REVOKED_new());
    check(X509_REVOKED_set_serialNumber(entry.get(), X509_get_serialNumber(certificate.get())));
    check(X509_REVOKED_set_revocationDate(entry.get(), in(-std::chrono::hours(1)).get()));
    check(X509_CRL_add0_revoked(list.get(), entry.get()));
    entry.release();
  }
  check(X509_CRL_sort(list.get()));
  check(X509_CRL_sign(list.get(), state_->key.get(), EVP_sha256()));
  return written([&](BIO* out) { return PEM_write_bio_X509_CRL(out, list.get()); });
}

std::string key_of_another_kind() {
  return pem_of(*made(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")), {});
}

std::string pin_of(const std::string& certificate_pem) {
  const auto certificate = first_in(certificate_pem);
  unsigned char* encoded = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &encoded);
  check(size);
  std::array<unsigned char, 32> hash = {};
  check(EVP_Digest(encoded, static_cast<std::size_t>(size), hash.data(), nullptr, EVP_sha256(),
                   nullptr));
  OPENSSL_free(encoded);
  std::array<unsigned char, 45> text = {};
  const int length = EVP_EncodeBlock(text.data(), hash.data(), static_cast<int>(hash.size()));
  return {reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(length)};
}

} // namespace httpool_test::tls
