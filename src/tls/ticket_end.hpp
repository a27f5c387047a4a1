// When the tickets that a server gives end, however often they are renewed.
#pragma once

#include <openssl/ssl.h>

namespace httpool::detail {

/// From now on a ticket says until when what its client has proved is taken for proved: for the
/// time that sessions live, and no longer than the certificates that it has shown. Each ticket that
/// follows by resumption says the same. Past that there is a full handshake.
void end_tickets_with_proof(SSL_CTX& context);

} // namespace httpool::detail
