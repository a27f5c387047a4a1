// What an error of the transport or of OpenSSL means.
#pragma once

#include <boost/system/error_code.hpp>

#include <openssl/ssl.h>

namespace httpool::detail {

/// What a caller is told of an error on a connection.
boost::system::error_code told_of(const boost::system::error_code& ec) noexcept;

/// The same of one that a handshake has ended with.
boost::system::error_code told_of_handshake(const boost::system::error_code& ec,
                                            SSL* handle) noexcept;

} // namespace httpool::detail
