#include "tls/ticket_end.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <limits>
#include <new>
#include <optional>

#include <openssl/asn1.h>
#include <openssl/x509.h>

namespace httpool::detail {
namespace {

using seconds = std::int64_t; ///< As the system's clock counts them.

seconds end_of(const X509* certificate) noexcept {
  std::tm parts = {};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1)
    return std::numeric_limits<seconds>::min();
  return ::timegm(&parts);
}

/// Of what the client has proved just now, with the session's whole life before it.
seconds end_of_proof(SSL* handle, const SSL_SESSION& begun) noexcept {
  seconds end = std::time(nullptr) + static_cast<seconds>(SSL_SESSION_get_timeout(&begun));
  if (const X509* const shown = SSL_get0_peer_certificate(handle))
    end = std::min(end, end_of(shown));
  STACK_OF(X509)* const chain = SSL_get0_verified_chain(handle);
  for (int i = 0; i < sk_X509_num(chain); ++i)
    end = std::min(end, end_of(sk_X509_value(chain, i)));
  return end;
}

std::optional<seconds> end_in(SSL_SESSION& session) noexcept {
  void* data = nullptr;
  std::size_t size = 0;
  seconds end = 0;
  if (SSL_SESSION_get0_ticket_appdata(&session, &data, &size) != 1 || size != sizeof end)
    return {};
  std::memcpy(&end, data, sizeof end);
  return end;
}

/// Called by OpenSSL before it makes a ticket. What a resumed session says it goes on to say.
int mark(SSL* handle, void*) {
  SSL_SESSION* const session = SSL_get_session(handle);
  if (!session)
    return 0;
  if (end_in(*session))
    return 1;
  const seconds end = end_of_proof(handle, *session);
  return SSL_SESSION_set1_ticket_appdata(session, &end, sizeof end);
}

/// Called by OpenSSL when it has decrypted a ticket, or could not. `session` is null then.
SSL_TICKET_RETURN judge(SSL*, SSL_SESSION* session, const unsigned char*, std::size_t,
                        SSL_TICKET_STATUS status, void*) {
  if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  const std::optional<seconds> end = end_in(*session);
  if (!end || *end <= std::time(nullptr))
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

} // namespace

void end_tickets_with_proof(SSL_CTX& context) {
  if (SSL_CTX_set_session_ticket_cb(&context, mark, judge, nullptr) != 1)
    throw std::bad_alloc();
}

} // namespace httpool::detail
