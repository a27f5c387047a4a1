#include <httpool/error.hpp>

#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <string>
#include <utility>

using boost::system::error_code;
using httpool::errc;
using httpool::error;

BOOST_AUTO_TEST_CASE(each_error_says_its_name_first) {
  const std::array<std::pair<error, std::string>, 26> names{{
      {error::acquire_timeout, "acquire_timeout"},
      {error::dial_timeout, "dial_timeout"},
      {error::exchange_timeout, "exchange_timeout"},
      {error::too_many_waiters, "too_many_waiters"},
      {error::pool_closed, "pool_closed"},
      {error::name_not_found, "name_not_found"},
      {error::connection_refused, "connection_refused"},
      {error::connection_closed, "connection_closed"},
      {error::protocol_error, "protocol_error"},
      {error::certificate_error, "certificate_error"},
      {error::prepare_failed, "prepare_failed"},
      {error::invalid_request, "invalid_request"},
      {error::head_too_large, "head_too_large"},
      {error::body_too_large, "body_too_large"},
      {error::invalid_url, "invalid_url"},
      {error::unsupported_scheme, "unsupported_scheme"},
      {error::url_without_host, "url_without_host"},
      {error::url_with_credentials, "url_with_credentials"},
      {error::invalid_port, "invalid_port"},
      {error::first_byte_timeout, "first_byte_timeout"},
      {error::read_timeout, "read_timeout"},
      {error::body_source_failed, "body_source_failed"},
      {error::tls_not_configured, "tls_not_configured"},
      {error::proxy_refused, "proxy_refused"},
      {error::proxy_authentication_failed, "proxy_authentication_failed"},
      {error::tls_not_spoken, "tls_not_spoken"},
  }};
  for (const auto& [value, name] : names) {
    const error_code code = value;
    BOOST_TEST(code.message().starts_with(name + ": "), code.message());
    BOOST_TEST(code.category().name() == std::string("httpool"));
  }
  BOOST_TEST(error_code(99, httpool::error_category()).message() == "unknown httpool error");
}

BOOST_AUTO_TEST_CASE(every_timeout_equals_the_timeout_condition_and_nothing_else_does) {
  BOOST_TEST((error_code(error::acquire_timeout) == errc::timeout));
  BOOST_TEST((error_code(error::dial_timeout) == errc::timeout));
  BOOST_TEST((error_code(error::exchange_timeout) == errc::timeout));
  BOOST_TEST((error_code(error::first_byte_timeout) == errc::timeout));
  BOOST_TEST((error_code(error::read_timeout) == errc::timeout));
  BOOST_TEST((error_code(boost::asio::error::timed_out) == errc::timeout));
  BOOST_TEST((error_code(error::pool_closed) != errc::timeout));
  BOOST_TEST((error_code(boost::asio::error::operation_aborted) != errc::timeout));
  BOOST_TEST((error_code() != errc::timeout));
}
