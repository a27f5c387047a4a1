// One program may hold both libraries: no name of one means something else in the other.

#include "net/client_fixture.hpp"

#include <httpool/server.hpp>

using namespace client_test;

BOOST_FIXTURE_TEST_CASE(the_client_and_the_server_of_one_program_understand_each_other, loop) {
  httpool::server server(context, {asio::ip::address_v4::loopback(), 0}, [](const request&) {
    return httpool::response(200, "hello", "text/plain");
  });
  client sender(context, "127.0.0.1", server.local_endpoint().port());
  const outcome got = send(sender, get());
  BOOST_TEST(got.error == error_code());
  BOOST_TEST(got.response.body() == "hello");
  sender.pool().close();
  server.close();
  BOOST_TEST(until([&] { return server.stats().open == 0 && sender.pool().stats().total() == 0; }));
}
