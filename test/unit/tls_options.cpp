// Options of TLS that make no sense.

#include "tls/secure_stream.hpp"
#include "tls_fixture/certificates.hpp"

#include <httpool/error.hpp>
#include <httpool/tls_client.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <functional>
#include <stdexcept>
#include <string>

using httpool::tls_client;
using httpool::tls_options;
using httpool_test::tls::authority;
using httpool_test::tls::identity;
using httpool_test::tls::issue_options;

namespace {

/// What `create` says of the options that `spoil` has changed.
std::string complaint(const std::function<void(tls_options&)>& spoil) {
  tls_options options;
  spoil(options);
  try {
    tls_client::create(options);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "none";
}

void check_names(const std::function<void(tls_options&)>& spoil, const std::string& field,
                 const std::string& value) {
  const std::string text = complaint(spoil);
  BOOST_TEST(text.starts_with("httpool: " + field + " is " + value + ", but "), text);
}

constexpr const char* damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

} // namespace

BOOST_AUTO_TEST_CASE(options_of_trust_are_checked) {
  const authority root;
  check_names([](tls_options& o) { o.ca_file = "/nowhere"; }, "ca_file", "\"/nowhere\"");
  check_names([](tls_options& o) { o.ca_file = "/usr"; }, "ca_file", "\"/usr\"");
  check_names([](tls_options& o) { o.ca_file = "/dev/null"; }, "ca_file", "\"/dev/null\"");
  check_names([](tls_options& o) { o.ca_pem = "no PEM"; }, "ca_pem", "a text");
  check_names([](tls_options& o) { o.ca_pem = damaged; }, "ca_pem", "a text");
  check_names([&](tls_options& o) { o.ca_pem = root.root_pem() + damaged; }, "ca_pem", "a text");
  check_names([&](tls_options& o) { o.ca_pem = root.crl_pem(); }, "ca_pem", "a text");
  check_names(
      [&](tls_options& o) {
        o.ca_file = "/nowhere";
        o.ca_pem = root.root_pem();
      },
      "ca_pem", "set");
  check_names([](tls_options& o) { o.crl_file = "/nowhere"; }, "crl_file", "\"/nowhere\"");
  check_names([&](tls_options& o) { o.crl_pem = root.root_pem(); }, "crl_pem", "a text");
  check_names([](tls_options& o) { o.trust_system = false; }, "ca_file", "empty");
}

BOOST_AUTO_TEST_CASE(pins_must_be_hashes) {
  const std::string whole(43, 'A');
  for (const std::string& pin :
       {std::string(), std::string("sha256/"), whole, whole + "==", "sha1/" + whole + "=",
        std::string(43, '!') + "=", std::string(42, 'A') + "==", std::string(44, 'A')})
    check_names(
        [&](tls_options& o) {
          o.pinned_keys = {whole + "=", pin};
        },
        "pinned_keys", '"' + pin + '"');
  BOOST_TEST(complaint([&](tls_options& o) { o.pinned_keys = {"sha256/" + whole + "="}; }) ==
             "none");
}

BOOST_AUTO_TEST_CASE(a_certificate_needs_its_key) {
  const authority root;
  const identity one = root.issue({"one"});
  issue_options with_password;
  with_password.key_password = "secret";
  const identity locked = root.issue({"locked"}, with_password);
  using certificate = httpool::tls_certificate;
  const auto given = [](const certificate& c) {
    return [c](tls_options& o) { o.certificate = c; };
  };
  check_names(given({}), "certificate.chain_file", "empty");
  check_names(given({{}, {}, one.chain_pem, {}, {}}), "certificate.key_file", "empty");
  check_names(given({{}, {}, {}, one.key_pem, {}}), "certificate.chain_file", "empty");
  check_names(given({"/nowhere", {}, {}, one.key_pem, {}}), "certificate.chain_file",
              "\"/nowhere\"");
  check_names(given({{}, "/nowhere", one.chain_pem, {}, {}}), "certificate.key_file",
              "\"/nowhere\"");
  check_names(given({{}, {}, one.key_pem, one.key_pem, {}}), "certificate.chain_pem", "a text");
  check_names(given({{}, {}, one.chain_pem, one.chain_pem, {}}), "certificate.key_pem", "a text");
  check_names(given({{}, {}, one.chain_pem, locked.key_pem, "secret"}), "certificate.key_pem",
              "a text");
  check_names(given({{}, {}, locked.chain_pem, locked.key_pem, {}}), "certificate.key_pem",
              "a text");
  check_names(given({{}, {}, locked.chain_pem, locked.key_pem, "wrong"}), "certificate.key_pem",
              "a text");
  BOOST_TEST(complaint(given({{}, {}, locked.chain_pem, locked.key_pem, "secret"})) == "none");
  // Not even one of another algorithm, for which OpenSSL would have room beside the certificate.
  check_names(given({{}, {}, one.chain_pem, httpool_test::tls::key_of_another_kind(), {}}),
              "certificate.key_pem", "a text");
  // No message gives a secret away.
  BOOST_TEST(complaint(given({{}, {}, locked.chain_pem, locked.key_pem, "wrong"})).find("wrong") ==
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(options_of_the_protocol_are_checked) {
  check_names(
      [](tls_options& o) {
        o.min_version = httpool::tls_version::tls_1_3;
        o.max_version = httpool::tls_version::tls_1_2;
      },
      "min_version", "TLS 1.3");
  check_names([](tls_options& o) { o.min_version = httpool::tls_version{11}; }, "min_version",
              "11");
  check_names([](tls_options& o) { o.max_version = httpool::tls_version{14}; }, "max_version",
              "14");
  check_names([](tls_options& o) { o.ciphers = "NO-SUCH"; }, "ciphers", "\"NO-SUCH\"");
  check_names([](tls_options& o) { o.alpn = {"http/1.1", ""}; }, "alpn", "\"\"");
  const std::string endless(256, 'x');
  check_names([&](tls_options& o) { o.alpn = {endless}; }, "alpn", '"' + endless + '"');
  check_names([](tls_options& o) { o.alpn = {"http/1.1", "h2"}; }, "alpn", "\"h2\"");
  BOOST_TEST(complaint([](tls_options& o) { o.alpn = {}; }) == "none");
}

BOOST_AUTO_TEST_CASE(a_server_has_one_name_and_not_all_below_one) {
  for (const char* name : {".a.test", ".", "..a.test"})
    check_names([&](tls_options& o) { o.server_name = name; }, "server_name",
                '"' + std::string(name) + '"');
  for (const char* name : {"a.test.", "127.0.0.1", "::1"})
    BOOST_TEST(complaint([&](tls_options& o) { o.server_name = name; }) == "none");
}

BOOST_AUTO_TEST_CASE(a_host_that_no_certificate_is_for_alone_is_not_spoken_to) {
  boost::asio::io_context context;
  boost::asio::ip::tcp::socket socket(context);
  httpool::stream over(socket);
  const auto client = tls_client::create();
  for (const std::string& host : {std::string(".test"), std::string(256, 'a')})
    BOOST_CHECK_EXCEPTION(client->secure(over, host, 443), boost::system::system_error,
                          [](const boost::system::system_error& e) {
                            return e.code() == httpool::error::name_not_found;
                          });
}
