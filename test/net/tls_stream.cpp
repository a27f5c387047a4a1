// The stream of a lease: the same code over a plain connection and an encrypted one.

#include "net/tls_loop.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <exception>

#include <openssl/ssl.h>

using namespace client_test;
namespace beast = boost::beast;
namespace http = beast::http;

namespace {

/// One request and its response, by Beast.
asio::awaitable<std::string> ask(httpool::connection_pool& pool) {
  httpool::lease lease = co_await pool.async_acquire(asio::use_awaitable);
  http::request<http::string_body> message(http::verb::post, "/", 11);
  message.set(http::field::host, "localhost");
  message.body() = std::string(100'000, 'x');
  message.prepare_payload();
  co_await http::async_write(lease.stream(), message, asio::use_awaitable);
  beast::flat_buffer buffer;
  http::response<http::string_body> response;
  co_await http::async_read(lease.stream(), buffer, response, asio::use_awaitable);
  lease.keep_alive(true);
  co_return response.body();
}

struct streams : tls_loop {
  std::string result_of(asio::awaitable<std::string> task) {
    bool is_done = false;
    std::string result;
    asio::co_spawn(context, std::move(task), [&](std::exception_ptr failure, std::string text) {
      BOOST_TEST(!failure);
      result = std::move(text);
      is_done = true;
    });
    BOOST_TEST_REQUIRE(until([&] { return is_done; }));
    return result;
  }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(beast_speaks_over_either_stream, streams) {
  const std::string body = letters(50'000);
  tls_peer secure(context, good(), {serves(ok(body))});
  client over_tls(context, https_to(secure), trusting());
  scripted_peer open(context, {script().answers(ok(body)).repeats()});
  client plain(context, "127.0.0.1", open.port);
  for (int i = 0; i != 3; ++i) {
    BOOST_TEST((result_of(ask(over_tls.pool())) == body));
    BOOST_TEST((result_of(ask(plain.pool())) == body));
  }
  BOOST_TEST(secure.accepted == 1u);
  BOOST_TEST(open.accepted() == 1u);
  check_nothing_is_left(*this, over_tls, secure);
  check_nothing_is_left(*this, plain, open);
}

BOOST_FIXTURE_TEST_CASE(a_stream_tells_what_protects_it, streams) {
  tls_peer secure(context, good(), {serves()});
  client over_tls(context, https_to(secure), trusting());
  warm_up(over_tls);
  httpool::lease lease = over_tls.pool().try_acquire();
  BOOST_TEST_REQUIRE(bool(lease));
  BOOST_TEST(lease.stream().is_encrypted());
  BOOST_TEST_REQUIRE(lease.stream().tls_handle() != nullptr);
  BOOST_TEST(SSL_version(lease.stream().tls_handle()) == TLS1_3_VERSION);
  BOOST_TEST(&lease.stream().lowest_layer() == &lease.socket());
  lease.reset();
  scripted_peer open(context, {script().answers(ok())});
  client plain(context, "127.0.0.1", open.port);
  warm_up(plain);
  lease = plain.pool().try_acquire();
  BOOST_TEST(!lease.stream().is_encrypted());
  BOOST_TEST(lease.stream().tls_handle() == nullptr);
}

BOOST_FIXTURE_TEST_CASE(reads_and_writes_may_be_empty_or_scattered, streams) {
  tls_peer peer(context, good(),
                {tls_script().handshakes().hears_bytes(9).says("abc").says("def")});
  client sender(context, https_to(peer), trusting());
  const auto talk = [](httpool::connection_pool& pool) -> asio::awaitable<std::string> {
    httpool::lease lease = co_await pool.async_acquire(asio::use_awaitable);
    httpool::stream& stream = lease.stream();
    BOOST_TEST(co_await stream.async_write_some(asio::const_buffer(), asio::use_awaitable) == 0u);
    BOOST_TEST(co_await stream.async_read_some(asio::mutable_buffer(), asio::use_awaitable) == 0u);
    const std::string part = "123";
    const std::vector<asio::const_buffer> parts = {
        asio::buffer(part), {}, asio::buffer(part), asio::buffer(part)};
    BOOST_TEST(co_await asio::async_write(stream, parts, asio::use_awaitable) == 9u);
    std::string got(6, '?');
    const std::vector<asio::mutable_buffer> rooms = {{}, asio::buffer(got)};
    std::size_t size = co_await stream.async_read_some(rooms, asio::use_awaitable);
    while (size != got.size())
      size += co_await stream.async_read_some(asio::buffer(got) + size, asio::use_awaitable);
    co_return got;
  };
  BOOST_TEST(result_of(talk(sender.pool())) == "abcdef");
  BOOST_TEST(peer.heard.at(0) == "123123123");
}

BOOST_FIXTURE_TEST_CASE(a_lease_without_keep_alive_ends_its_connection, streams) {
  tls_peer peer(context, good(), {serves()});
  client sender(context, https_to(peer), trusting());
  warm_up(sender);
  sender.pool().try_acquire().reset();
  BOOST_TEST(until([&] { return peer.open() == 0; }));
  BOOST_TEST(peer.ends_heard == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_connection_changes_its_protocol_under_tls, streams) {
  tls_peer peer(context, good(),
                {tls_script()
                     .handshakes()
                     .hears()
                     .says("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: "
                           "chat\r\n\r\n")
                     .hears_bytes(5)
                     .says("world")});
  client sender(context, https_to(peer), trusting());
  const auto talk = [](httpool::connection_pool& pool) -> asio::awaitable<std::string> {
    httpool::lease lease = co_await pool.async_acquire(asio::use_awaitable);
    http::request<http::empty_body> change(http::verb::get, "/chat", 11);
    change.set(http::field::host, "localhost");
    change.set(http::field::connection, "upgrade");
    change.set(http::field::upgrade, "chat");
    co_await http::async_write(lease.stream(), change, asio::use_awaitable);
    beast::flat_buffer buffer;
    http::response<http::empty_body> answer;
    co_await http::async_read(lease.stream(), buffer, answer, asio::use_awaitable);
    BOOST_TEST(answer.result_int() == 101u);
    const std::string hello = "hello";
    co_await asio::async_write(lease.stream(), asio::buffer(hello), asio::use_awaitable);
    std::string got(5, '?');
    co_await asio::async_read(lease.stream(), asio::buffer(got), asio::use_awaitable);
    co_return got;
  };
  BOOST_TEST(result_of(talk(sender.pool())) == "world");
  check_nothing_is_left(*this, sender, peer);
}
