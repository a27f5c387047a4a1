#include <httpool/error.hpp>

#include <boost/asio/error.hpp>

#include <string>

namespace httpool {
namespace {

using boost::system::error_code;
using boost::system::error_condition;

const char* text(int value) noexcept {
  switch (static_cast<error>(value)) {
  case error::acquire_timeout:
    return "acquire_timeout: no connection became ready in time";
  case error::dial_timeout:
    return "dial_timeout: no connection was established in time";
  case error::exchange_timeout:
    return "exchange_timeout: the response was not complete in time";
  case error::too_many_waiters:
    return "too_many_waiters: as many callers wait as are allowed to";
  case error::pool_closed:
    return "pool_closed: the pool is closed";
  case error::name_not_found:
    return "name_not_found: the host name does not resolve";
  case error::connection_refused:
    return "connection_refused: nothing listens there";
  case error::connection_closed:
    return "connection_closed: the peer ended the connection";
  case error::protocol_error:
    return "protocol_error: the peer broke the protocol";
  case error::certificate_error:
    return "certificate_error: the peer's certificate was not accepted";
  case error::prepare_failed:
    return "prepare_failed: the new connection could not be prepared";
  case error::invalid_request:
    return "invalid_request: the request cannot be put on the wire";
  case error::head_too_large:
    return "head_too_large: the head of the message exceeds the limit";
  case error::body_too_large:
    return "body_too_large: the body of the message exceeds the limit";
  case error::invalid_url:
    return "invalid_url: the text is no URL for requests, nor a path, which begins with '/'";
  case error::unsupported_scheme:
    return "unsupported_scheme: the scheme of the URL is neither http, https nor http+unix";
  case error::url_without_host:
    return "url_without_host: the URL names no host";
  case error::url_with_credentials:
    return "url_with_credentials: the URL must not hold a user name or password";
  case error::invalid_port:
    return "invalid_port: the port of the URL is not a number from 1 to 65535";
  case error::first_byte_timeout:
    return "first_byte_timeout: no response began in time";
  case error::read_timeout:
    return "read_timeout: the response stopped for too long";
  case error::body_source_failed:
    return "body_source_failed: the body of the request could not be produced";
  case error::tls_not_configured:
    return "tls_not_configured: the client has no TLS to call https with";
  case error::proxy_refused:
    return "proxy_refused: the proxy does not connect to the origin";
  case error::proxy_authentication_failed:
    return "proxy_authentication_failed: the proxy does not accept the credentials";
  case error::tls_not_spoken:
    return "tls_not_spoken: the peer, or a proxy, answered TLS with something else, such as http";
  }
  return "unknown httpool error";
}

class codes final : public boost::system::error_category {
public:
  const char* name() const noexcept override { return "httpool"; }
  std::string message(int value) const override { return text(value); }
  const char* message(int value, char*, std::size_t) const noexcept override { return text(value); }
};

class conditions final : public boost::system::error_category {
public:
  const char* name() const noexcept override { return "httpool.condition"; }

  std::string message(int value) const override {
    return value == static_cast<int>(errc::timeout) ? "timeout" : "unknown httpool condition";
  }

  bool equivalent(const error_code& code, int condition) const noexcept override {
    return condition == static_cast<int>(errc::timeout) &&
           (code == error::acquire_timeout || code == error::dial_timeout ||
            code == error::exchange_timeout || code == error::first_byte_timeout ||
            code == error::read_timeout || code == boost::asio::error::timed_out);
  }
};

} // namespace

const boost::system::error_category& error_category() noexcept {
  static const codes instance;
  return instance;
}

const boost::system::error_category& condition_category() noexcept {
  static const conditions instance;
  return instance;
}

error_code make_error_code(error value) noexcept {
  return {static_cast<int>(value), error_category()};
}

error_condition make_error_condition(errc value) noexcept {
  return {static_cast<int>(value), condition_category()};
}

} // namespace httpool
