// A server of a user, without a pool: it begins to listen, and ends. Its argument is the version
// that pkg-config knows.

#include <httpool/server.hpp>
#include <httpool/version.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address_v4.hpp>

#include <cstdlib>
#include <iostream>
#include <string_view>

namespace asio = boost::asio;

int main(int argc, char** argv) {
  asio::io_context context(1);
  httpool::server server(
      context, {asio::ip::address_v4::loopback(), 0},
      [](const httpool::request&) { return httpool::response(200, "hello", "text/plain"); });
  std::cout << "listens on " << server.local_endpoint() << '\n';
  server.async_stop([](boost::system::error_code) {});
  context.run();
  return argc == 2 && std::string_view(argv[1]) == HTTPOOL_VERSION_STRING ? EXIT_SUCCESS
                                                                          : EXIT_FAILURE;
}
