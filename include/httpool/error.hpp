/// \file
/// Error codes of httpool, each cause its own, and the condition to compare them against.
#pragma once

#include <httpool/detail/export.hpp>

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/error_condition.hpp>

#include <type_traits>

namespace httpool {

/// What went wrong, one value a cause. Errors of the operating system that are not named here pass
/// through the library unchanged.
///
/// Each value's name is how `error_code::message()` begins, so that a log line can be searched for
/// it.
enum class error {
  acquire_timeout = 1, ///< No connection became ready within `pool_options::acquire_timeout`.
  dial_timeout,        ///< A connection was not established within `pool_options::dial_timeout`.
  exchange_timeout,    ///< The response was not complete by the exchange's deadline.
  too_many_waiters,    ///< `pool_options::max_waiters` callers wait already.
  pool_closed,         ///< The pool, or the client over it, was closed.
  name_not_found,      ///< The host name does not resolve.
  connection_refused,  ///< Nothing listens on the endpoint that was tried last, or so a SOCKS proxy
                       ///< says of the origin.
  connection_closed,   ///< The peer ended the connection before the response was complete.
  protocol_error,      ///< The peer broke RFC 9112, or spoke out of turn.
  certificate_error,   ///< The peer's certificate was not accepted.
  prepare_failed,      ///< `pool_options::prepare` threw something that carries no error code.
  invalid_request,     ///< The request cannot be put on the wire, such as one with a line break in
                       ///< a field, or a target that its method does not allow; nothing was sent.
  head_too_large, ///< The head of a message is longer, or has more fields, than the limit allows.
  body_too_large, ///< The body of a message is longer than the limit allows.
  invalid_url,    ///< A text is no URL (RFC 3986), or its host is neither a name nor an address; or
                  ///< the target of a request is neither a URL nor a path, which begins with `/`.
  unsupported_scheme,   ///< The scheme of a URL is neither `http`, `https` nor `http+unix`.
  url_without_host,     ///< A URL names no host, or no socket.
  url_with_credentials, ///< A URL holds user information, which would end in logs.
  invalid_port,       ///< The port of a URL is not a number from 1 to 65535, or is one of a socket.
  first_byte_timeout, ///< A request was sent, and no response began within
                      ///< `client_options::first_byte_timeout`.
  read_timeout,       ///< A response stopped for `client_options::read_timeout`.
  body_source_failed, ///< `body_source::read` threw something that carries no error code, or gave
                      ///< another number of bytes than was said.
  tls_not_configured, ///< A request is for `https`, and `pool_options::tls` is not set.
  proxy_refused,      ///< The proxy does not connect to the origin: it said so, in whatever words.
  proxy_authentication_failed, ///< The proxy wants credentials (407), or others than it was given.
  tls_not_spoken, ///< The peer answered the TLS handshake with something else, such as plain HTTP.
};

/// Conditions to compare error codes against: `if (ec == httpool::errc::timeout)`.
enum class errc {
  timeout = 1, ///< Any deadline of httpool that passed, and the operating system's own `timed_out`.
};

/// The category of `error`, named "httpool".
HTTPOOL_EXPORT const boost::system::error_category& error_category() noexcept;

/// The category of `errc`, named "httpool.condition".
HTTPOOL_EXPORT const boost::system::error_category& condition_category() noexcept;

/// Makes an error code; found by argument-dependent look-up, so that `error_code ec = error::…`
/// works.
HTTPOOL_EXPORT boost::system::error_code make_error_code(error value) noexcept;

/// Makes a condition; found by argument-dependent look-up, so that `ec == errc::…` works.
HTTPOOL_EXPORT boost::system::error_condition make_error_condition(errc value) noexcept;

} // namespace httpool

template <>
struct boost::system::is_error_code_enum<httpool::error> : std::true_type {};

template <>
struct boost::system::is_error_condition_enum<httpool::errc> : std::true_type {};
