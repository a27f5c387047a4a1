// What is said to a proxy to open a tunnel, and what is made of each answer.

#include "dial/http_tunnel.hpp"
#include "dial/socks5.hpp"
#include "net/client_fixture.hpp"

#include <boost/asio/co_spawn.hpp>

#include <optional>

using namespace client_test;
using httpool::proxy;

namespace {

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int each : values)
    text += static_cast<char>(each);
  return text;
}

struct result {
  error_code error;
  std::vector<std::string> told; ///< What the proxy has heard, step by step.
};

/// Opens a tunnel through a proxy that does what the script says.
result open(loop& run, const proxy& by, script plan, std::string host = "a.test") {
  scripted_peer peer(run.context, {std::move(plan)});
  tcp::socket socket(run.context);
  socket.connect(tcp::endpoint(asio::ip::address_v4::loopback(), peer.port));
  httpool::stream over(socket);
  std::optional<error_code> ended;
  const auto how = by.kind() == httpool::proxy_kind::socks5 ? httpool::detail::open_socks5_tunnel
                                                            : httpool::detail::open_http_tunnel;
  asio::co_spawn(run.context, how(over, std::move(host), 443, by), [&](std::exception_ptr why) {
    ended = error_code();
    try {
      if (why)
        std::rethrow_exception(why);
    } catch (const boost::system::system_error& e) {
      ended = e.code();
    }
  });
  BOOST_TEST_REQUIRE(run.until([&] { return ended.has_value(); }));
  return {*ended, peer.heard};
}

} // namespace

BOOST_FIXTURE_TEST_CASE(an_http_proxy_is_asked_by_connect, loop) {
  const std::string fine = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
  result got = open(*this, proxy("http://p.test"), script().answers(fine));
  BOOST_TEST(got.error == error_code());
  BOOST_TEST(got.told.at(0) == "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n");
  got = open(*this, proxy("http://Aladdin:open%20sesame@p.test"), script().answers(fine),
             "fe80::1%eth0");
  BOOST_TEST(got.told.at(0) ==
             "CONNECT [fe80::1]:443 HTTP/1.1\r\nHost: [fe80::1]:443\r\nProxy-Authorization: Basic "
             "QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n");
  got = open(*this, proxy("http://p.test"),
             script().hears().trickles("HTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.0 299 Yes\r\n"
                                       "Transfer-Encoding: gzip\r\n\r\n"));
  BOOST_TEST(got.error == error_code());
}

BOOST_FIXTURE_TEST_CASE(scar_54_the_answers_of_an_http_proxy_have_an_error_each, loop) {
  const auto answered = [&](const std::string& text) {
    return open(*this, proxy("http://user:secret@p.test"), script().answers(text).closes()).error;
  };
  BOOST_TEST(answered("HTTP/1.1 407 No\r\n\r\n") == error::proxy_authentication_failed);
  for (const char* status : {"302 x", "400 x", "403 x", "502 x", "999 x"})
    BOOST_TEST(answered("HTTP/1.1 " + std::string(status) + "\r\nContent-Length: 2\r\n\r\nno") ==
               error::proxy_refused);
  for (const char* text :
       {"HTTP/1.1 101 x\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "SSH-2.0-x\r\n", "HTTP/1.1 20 x\r\n\r\n",
        "HTTP/1.1 200 OK\n\n", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nx",
        "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"})
    BOOST_TEST(answered(text) == error::protocol_error, text);
  BOOST_TEST(answered("HTTP/1.1 200 OK\r\nA: " + std::string(20'000, 'a') + "\r\n\r\n") ==
             error::head_too_large);
  std::string informed;
  while (informed.size() < 20'000)
    informed += "HTTP/1.1 103 Early\r\n\r\n";
  BOOST_TEST(answered(informed) == error::head_too_large);
  for (const char* text : {"", "H", "HTTP/1.1 200 OK\r\nA: b\r\n", "HTTP/1.1 100 x\r\n\r\n"})
    BOOST_TEST(answered(text) == error::connection_closed, text);
}

BOOST_FIXTURE_TEST_CASE(a_socks_proxy_is_told_names_and_addresses_as_such, loop) {
  const std::string fine = bytes({5, 0, 0, 1, 127, 0, 0, 1, 1, 2});
  const auto told = [&](const std::string& host, std::size_t size) {
    const result got =
        open(*this, proxy("socks5://p.test"),
             script().hears_bytes(3).says(bytes({5, 0})).hears_bytes(size).trickles(fine), host);
    BOOST_TEST(got.error == error_code());
    BOOST_TEST(got.told.at(0) == bytes({5, 1, 0}));
    return got.told.at(1);
  };
  BOOST_TEST(told("a.test", 13) == bytes({5, 1, 0, 3, 6}) + "a.test" + bytes({1, 187}));
  BOOST_TEST(told("10.0.0.255", 10) == bytes({5, 1, 0, 1, 10, 0, 0, 255, 1, 187}));
  BOOST_TEST(told("::1", 22) ==
             bytes({5, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 187}));
  const std::string longest(255, 'a');
  BOOST_TEST(told(longest, 262) == bytes({5, 1, 0, 3, 255}) + longest + bytes({1, 187}));
  BOOST_TEST(open(*this, proxy("socks5://p.test"), script(), std::string(256, 'a')).error ==
             error::name_not_found);
}

BOOST_FIXTURE_TEST_CASE(a_socks_proxy_is_told_credentials_if_it_asks_for_them, loop) {
  const proxy by("socks5://me:word@p.test");
  const auto asked = [&](const std::string& verdict) {
    return open(*this, by,
                script()
                    .hears_bytes(4)
                    .says(bytes({5, 2}))
                    .hears_bytes(9)
                    .says(verdict)
                    .hears_bytes(13)
                    .says(bytes({5, 0, 0, 3, 1}) + "x" + bytes({0, 0})));
  };
  const result got = asked(bytes({1, 0}));
  BOOST_TEST(got.error == error_code());
  BOOST_TEST(got.told.at(0) == bytes({5, 2, 0, 2}));
  BOOST_TEST(got.told.at(1) == bytes({1, 2}) + "me" + bytes({4}) + "word");
  BOOST_TEST(asked(bytes({1, 1})).error == error::proxy_authentication_failed);
  BOOST_TEST(asked(bytes({5, 0})).error == error::protocol_error);
}

BOOST_FIXTURE_TEST_CASE(the_answers_of_a_socks_proxy_have_an_error_each, loop) {
  const proxy by("socks5://p.test");
  const auto greeted = [&](const std::string& text) {
    return open(*this, by, script().hears_bytes(3).says(text).closes()).error;
  };
  BOOST_TEST(greeted(bytes({5, 255})) == error::proxy_authentication_failed);
  BOOST_TEST(greeted(bytes({5, 2})) == error::protocol_error);
  BOOST_TEST(greeted(bytes({4, 0})) == error::protocol_error);
  BOOST_TEST(greeted("HTTP") == error::protocol_error);
  BOOST_TEST(greeted(bytes({5})) == error::connection_closed);
  const auto answered = [&](const std::string& text) {
    return open(*this, by,
                script().hears_bytes(3).says(bytes({5, 0})).hears_bytes(13).says(text).closes())
        .error;
  };
  const auto replied = [&](int code) { return answered(bytes({5, code, 0, 1, 0, 0, 0, 0, 0, 0})); };
  for (const int code : {1, 2, 7, 8, 9, 255})
    BOOST_TEST(replied(code) == error::proxy_refused);
  BOOST_TEST(replied(3) == asio::error::network_unreachable);
  BOOST_TEST(replied(4) == asio::error::host_unreachable);
  BOOST_TEST(replied(5) == error::connection_refused);
  BOOST_TEST(replied(6) == asio::error::host_unreachable);
  BOOST_TEST(answered(bytes({5, 0, 1, 1})) == error::protocol_error);
  BOOST_TEST(answered(bytes({5, 0, 0, 2})) == error::protocol_error);
  BOOST_TEST(answered(bytes({4, 0, 0, 1})) == error::protocol_error);
  BOOST_TEST(answered(bytes({5, 0, 0, 1, 127, 0, 0, 1, 1})) == error::connection_closed);
  BOOST_TEST(answered(bytes({5, 0, 0, 3, 9, 1, 1})) == error::connection_closed);
}
