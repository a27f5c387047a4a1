// A program of a user that has all libraries: a client, which could encrypt and whose pool is
// logged and watched, calls a server in the same process. What crosses from shared libraries to a
// program is held against what the program has of it: errors, conditions, exceptions, objects that
// the other side calls. Its argument is the version that it was installed as.

#include <httpool/client.hpp>
#include <httpool/inspector.hpp>
#include <httpool/server.hpp>
#include <httpool/spdlog_observer.hpp>
#include <httpool/tls_client.hpp>
#include <httpool/tls_server.hpp>
#include <httpool/url.hpp>
#include <httpool/version.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string_view>

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

void expect(bool holds, std::string_view what) {
  if (!holds)
    throw std::logic_error("not so: " + std::string(what));
  std::cout << what << '\n';
}

template <class Exception, class Function>
bool throws(Function function) {
  try {
    function();
  } catch (const Exception&) {
    return true;
  }
  return false;
}

class counter : public httpool::pool_observer {
public:
  void connection_made(std::uint64_t, std::chrono::nanoseconds) override { ++made; }
  int made = 0;
};

asio::awaitable<httpool::response> answer(const httpool::request& request,
                                          asio::steady_timer& end) {
  if (request.target() == "/late")
    co_await end.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return httpool::response(200, "hello", "text/plain");
}

asio::awaitable<void> call(httpool::client& client, httpool::inspector& page) {
  const auto hello = co_await client.async_send(httpool::request("GET", "/"), asio::use_awaitable);
  expect(hello.body() == "hello", "a request is answered");

  httpool::send_options shortly;
  shortly.timeout = 50ms;
  auto [error, none] = co_await client.async_send(httpool::request("GET", "/late"), shortly,
                                                  asio::as_tuple(asio::use_awaitable));
  expect(error == httpool::errc::timeout, "a late answer equals the condition of all deadlines");
  expect(error == make_error_code(httpool::error::exchange_timeout), "and its own error");

  page.sample();
  expect(page.answer(httpool::request("GET", "/pool.json"), {}).has_value(), "the page answers");
}

void refuse() {
  httpool::tls_options nonsense;
  nonsense.ca_pem = "no certificate";
  expect(throws<std::invalid_argument>([&] { httpool::tls_client::create(nonsense); }),
         "roots that are none are refused");
  expect(throws<boost::system::system_error>([] { httpool::url("gopher://localhost/"); }),
         "a URL of another scheme is refused");
}

int run(std::string_view version) {
  expect(httpool::version() == version, "the library is of the version that was installed");
  refuse();

  asio::io_context context(1);
  asio::steady_timer end(context, asio::steady_timer::time_point::max());
  httpool::server server(context, {asio::ip::address_v4::loopback(), 0},
                         [&](const httpool::request& request) { return answer(request, end); });
  httpool::inspector page;
  const auto seen = std::make_shared<counter>();
  httpool::client_options options;
  options.pool.observer = page.observer("hello", seen);
  options.pool.tls = httpool::tls_client::create();
  httpool::client client(context, "127.0.0.1", server.local_endpoint().port(), options);
  page.watch("hello", client);
  const httpool::spdlog_observer log(spdlog::default_logger(), "hello");

  std::exception_ptr failure;
  asio::co_spawn(context, call(client, page), [&](std::exception_ptr why) {
    failure = why;
    end.cancel();
    page.close();
    client.close();
    server.close();
  });
  context.run();
  if (failure)
    std::rethrow_exception(failure);
  expect(seen->made == 1, "the pool tells an observer of the program's");
  return EXIT_SUCCESS;
}

} // namespace

int main(int argc, char** argv) {
  try {
    return run(argc == 2 ? argv[1] : HTTPOOL_VERSION_STRING);
  } catch (const std::exception& failed) {
    std::cerr << failed.what() << '\n';
    return EXIT_FAILURE;
  }
}
