#include "tls/openssl.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <ios>
#include <iterator>
#include <new>
#include <stdexcept>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace httpool::detail {
namespace {

/// Why OpenSSL's latest call failed.
std::string reason() {
  const unsigned long code = ERR_peek_last_error();
  const char* const text = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return text ? text : "unknown";
}

owned<BIO> reader_of(const pem_source& source) {
  return made(BIO_new_mem_buf(source.pem.data(), static_cast<int>(source.pem.size())));
}

/// Reads objects until there are no more.
template <class T>
std::vector<owned<T>> all_in(const pem_source& source,
                             T* (*read)(BIO*, T**, pem_password_cb*, void*), const char* what) {
  const owned<BIO> reader = reader_of(source);
  std::vector<owned<T>> found;
  ERR_clear_error();
  while (T* const next = read(reader.get(), nullptr, nullptr, nullptr))
    found.emplace_back(next);
  const bool is_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string why = reason();
  if (!is_end)
    refuse_tls(source.field, source.value, std::string("must hold PEM, not damaged: ") + why);
  if (found.empty())
    refuse_tls(source.field, source.value, std::string("must hold ") + what + " in PEM");
  return found;
}

/// Instead of OpenSSL's own, which would ask at the terminal.
int give_password(char* room, int size, int, void* password) {
  const auto& text = *static_cast<const std::string*>(password);
  if (text.empty() || text.size() > static_cast<std::size_t>(size))
    return 0;
  std::memcpy(room, text.data(), text.size());
  return static_cast<int>(text.size());
}

int number_of(tls_version version) {
  return version == tls_version::tls_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

void check_version(std::string_view field, tls_version version) {
  if (version != tls_version::tls_1_2 && version != tls_version::tls_1_3)
    refuse_tls(field, std::to_string(static_cast<int>(version)),
               "must be tls_version::tls_1_2 or tls_version::tls_1_3");
}

} // namespace

void refuse_tls(std::string_view field, std::string_view value, std::string_view rule) {
  std::string text("httpool: ");
  text.append(field).append(" is ").append(value).append(", but ").append(rule);
  throw std::invalid_argument(text);
}

pem_source read_pem(std::string_view file_field, const std::string& file,
                    std::string_view pem_field, const std::string& pem) {
  if (!file.empty() && !pem.empty())
    refuse_tls(pem_field, "set", std::string(file_field) + " is, too");
  if (file.empty())
    return {std::string(pem_field), "a text", pem};
  std::ifstream in(file, std::ios::binary);
  pem_source source{std::string(file_field), '"' + file + '"', {}};
  bool is_read = in.good();
  try {
    if (is_read)
      source.pem.assign(std::istreambuf_iterator<char>(in), {});
  } catch (const std::ios_base::failure&) { // such as of a directory
    is_read = false;
  }
  if (!is_read)
    refuse_tls(file_field, source.value, std::string("cannot be read: ") + std::strerror(errno));
  if (source.pem.empty())
    refuse_tls(file_field, source.value, "must not be empty");
  return source;
}

std::vector<owned<X509>> certificates_in(const pem_source& source) {
  auto all = all_in<X509>(source, PEM_read_bio_X509, "a certificate");
  // OpenSSL reads the extensions once, when it needs them first. If it lacks memory just then, the
  // certificate is bad for good, though a copy of it may be good.
  const auto is_good = [](X509* each) { return X509_check_purpose(each, -1, 0) == 1; };
  for (const auto& each : all) {
    if (!is_good(each.get()) && is_good(made(X509_dup(each.get())).get()))
      throw std::bad_alloc();
  }
  ERR_clear_error();
  return all;
}

std::vector<owned<X509_CRL>> revocation_lists_in(const pem_source& source) {
  return all_in<X509_CRL>(source, PEM_read_bio_X509_CRL, "a revocation list");
}

void check_revocation(SSL_CTX& context, const pem_source& lists) {
  if (lists.pem.empty())
    return;
  X509_STORE* const store = SSL_CTX_get_cert_store(&context);
  for (const auto& each : revocation_lists_in(lists)) {
    if (X509_STORE_add_crl(store, each.get()) != 1)
      throw std::bad_alloc();
  }
  X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
}

void set_protocol(SSL_CTX& context, tls_version min, tls_version max, const std::string& ciphers) {
  check_version("min_version", min);
  check_version("max_version", max);
  if (min > max)
    refuse_tls("min_version", "TLS 1.3", "max_version is TLS 1.2");
  SSL_CTX_set_min_proto_version(&context, number_of(min));
  SSL_CTX_set_max_proto_version(&context, number_of(max));
  SSL_CTX_set_options(&context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  if (!ciphers.empty() && SSL_CTX_set_cipher_list(&context, ciphers.c_str()) != 1) {
    ERR_clear_error();
    refuse_tls("ciphers", '"' + ciphers + '"', "must name a cipher suite of TLS 1.2");
  }
}

void use_certificate(SSL_CTX& context, const tls_certificate& certificate,
                     std::string_view prefix) {
  const auto field = [&](const char* name) { return std::string(prefix) + name; };
  const pem_source chain = read_pem(field("chain_file"), certificate.chain_file, field("chain_pem"),
                                    certificate.chain_pem);
  const pem_source key =
      read_pem(field("key_file"), certificate.key_file, field("key_pem"), certificate.key_pem);
  if (chain.pem.empty())
    refuse_tls(field("chain_file"), "empty", "a certificate must be given");
  if (key.pem.empty())
    refuse_tls(field("key_file"), "empty", "the key of the certificate must be given");

  const auto certificates = certificates_in(chain);
  if (SSL_CTX_use_certificate(&context, certificates.front().get()) != 1)
    refuse_tls(chain.field, chain.value, "cannot be used: " + reason());
  SSL_CTX_clear_chain_certs(&context);
  for (std::size_t i = 1; i < certificates.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(&context, certificates[i].get()) != 1)
      throw std::bad_alloc();
  }

  std::string password = certificate.key_password;
  const owned<BIO> reader = reader_of(key);
  const owned<EVP_PKEY> private_key(
      PEM_read_bio_PrivateKey(reader.get(), nullptr, give_password, &password));
  OPENSSL_cleanse(password.data(), password.size());
  if (!private_key)
    refuse_tls(key.field, key.value,
               "must hold a private key in PEM that the password opens: " + reason());
  // OpenSSL compares a key with a certificate of its own algorithm alone.
  if (X509_check_private_key(certificates.front().get(), private_key.get()) != 1 ||
      SSL_CTX_use_PrivateKey(&context, private_key.get()) != 1)
    refuse_tls(key.field, key.value, "must be the key of the certificate: " + reason());
}

} // namespace httpool::detail
