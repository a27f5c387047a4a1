// What the errors of OpenSSL mean.
#pragma once

#include <boost/system/error_code.hpp>

#include <openssl/ssl.h>

namespace httpool::detail {

/// Why OpenSSL has not done what it was asked for, given that what is below failed it with `below`;
/// `would_block` if it wants to read more.
boost::system::error_code tls_error(SSL* handle, int result,
                                    const boost::system::error_code& below) noexcept;

/// What is told of an error of the transport or of OpenSSL.
boost::system::error_code translated(const boost::system::error_code& ec) noexcept;

/// What is told if it has ended the handshake.
boost::system::error_code translated_of_handshake(const boost::system::error_code& ec,
                                                  SSL* handle) noexcept;

} // namespace httpool::detail
