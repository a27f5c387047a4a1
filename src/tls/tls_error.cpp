#include "tls/tls_error.hpp"

#include <httpool/error.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>

#include <openssl/err.h>

namespace httpool::detail {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

bool is_of_openssl(const error_code& ec) noexcept {
  return ec.category() == asio::error::get_ssl_category();
}

int reason_of(const error_code& ec) noexcept {
  return ERR_GET_REASON(static_cast<unsigned long>(ec.value()));
}

/// Whether the peer, or this side, found fault with a certificate (RFC 8446 §6.2).
bool is_about_certificates(const error_code& ec) noexcept {
  if (!is_of_openssl(ec) || ERR_GET_LIB(static_cast<unsigned long>(ec.value())) != ERR_LIB_SSL)
    return false;
  switch (reason_of(ec)) {
  case SSL_R_CERTIFICATE_VERIFY_FAILED:
  case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
  case SSL_R_SSLV3_ALERT_NO_CERTIFICATE:
  case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
  case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
  case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
  case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
  case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
  case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
  case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    return true;
  default:
    return false;
  }
}

/// Whether the certificates of the peer were found bad: the error may be that of a signature, which
/// OpenSSL says before it says so.
bool has_rejected(const error_code& ec, SSL* handle) noexcept {
  return is_of_openssl(ec) && SSL_get_verify_mode(handle) != SSL_VERIFY_NONE &&
         SSL_get_verify_result(handle) != X509_V_OK;
}

/// Whether the server has asked for a certificate, and closed for want of it: before TLS 1.3 there
/// is no alert that says so.
bool has_lacked_certificate(const error_code& ec, SSL* handle) noexcept {
  const unsigned char* types = nullptr;
  return is_of_openssl(ec) && reason_of(ec) == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE &&
         SSL_get0_certificate_types(handle, &types) != 0 && !SSL_get_certificate(handle);
}

/// Whether what came in place of a server's greeting is no record of TLS.
bool has_met_plain_text(const error_code& ec, SSL* handle) noexcept {
  return is_of_openssl(ec) && reason_of(ec) == SSL_R_WRONG_VERSION_NUMBER &&
         SSL_get_state(handle) == TLS_ST_CW_CLNT_HELLO;
}

} // namespace

error_code tls_error(SSL* handle, int result, const error_code& below) noexcept {
  switch (SSL_get_error(handle, result)) {
  case SSL_ERROR_WANT_READ:
    return asio::error::would_block;
  case SSL_ERROR_ZERO_RETURN:
    return asio::error::eof;
  case SSL_ERROR_SSL: {
    const auto first = static_cast<int>(ERR_get_error());
    ERR_clear_error();
    return {first, asio::error::get_ssl_category()};
  }
  case SSL_ERROR_SYSCALL:
    if (below == asio::error::eof)
      return asio::ssl::error::stream_truncated;
    if (below)
      return below;
    return asio::error::no_memory; // of which OpenSSL says nothing where it wants a buffer
  default:
    return asio::ssl::error::unexpected_result;
  }
}

error_code translated(const error_code& ec) noexcept {
  if (ec == asio::ssl::error::stream_truncated || ec == asio::error::connection_reset ||
      ec == asio::error::broken_pipe)
    return error::connection_closed;
  if (is_about_certificates(ec))
    return error::certificate_error;
  return ec;
}

error_code translated_of_handshake(const error_code& ec, SSL* handle) noexcept {
  if (has_rejected(ec, handle) || has_lacked_certificate(ec, handle))
    return error::certificate_error;
  if (has_met_plain_text(ec, handle))
    return error::tls_not_spoken;
  return translated(ec);
}

} // namespace httpool::detail
