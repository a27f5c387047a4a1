// Beast requests over the client: each completion token, and what a handler brings with it.

#include "net/client_fixture.hpp"

#include <httpool/beast.hpp>
#include <httpool/server.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/beast/core/ostream.hpp>
#include <boost/beast/http/dynamic_body.hpp>
#include <boost/beast/http/empty_body.hpp>

#include <future>
#include <thread>

using namespace client_test;
using httpool::async_send;
namespace http = boost::beast::http;
using beast_request = http::request<http::string_body>;
using beast_response = http::response<http::string_body>;

namespace {

/// Tells what it got.
httpool::response mirror(const request& got) {
  if (got.target() == "/silent")
    return httpool::response(204);
  std::string text(got.method());
  text.append(" ").append(got.target()).append("\n");
  for (const httpool::field line : got.fields())
    text.append(line.name).append("=").append(line.value).append("\n");
  httpool::response answer(200, text.append("\n").append(got.body()), "text/plain");
  answer.fields().add("X-Twice", "a");
  answer.fields().add("X-Twice", "b");
  return answer;
}

struct mirrored : loop {
  httpool::server server{context, {asio::ip::address_v4::loopback(), 0}, mirror};
  client sender{context, "127.0.0.1", server.local_endpoint().port()};

  ~mirrored() {
    sender.pool().close();
    server.close();
    BOOST_TEST(
        until([&] { return server.stats().open == 0 && sender.pool().stats().total() == 0; }));
  }

  struct result {
    bool is_done = false;
    error_code error;
    beast_response response;
  };

  template <class Message>
  result get(Message&& message) {
    result came;
    async_send(sender, message, [&](error_code ec, beast_response response) {
      came = {true, ec, std::move(response)};
    });
    BOOST_TEST(!came.is_done);
    BOOST_TEST_REQUIRE(until([&] { return came.is_done; }));
    return came;
  }

  std::string host() const { return "127.0.0.1:" + std::to_string(server.local_endpoint().port()); }
};

beast_request order(const char* body = "order") {
  beast_request message(http::verb::post, "/orders", 11);
  message.body() = body;
  return message;
}

/// Counts what is allocated through it.
template <class T>
struct counting_allocator {
  using value_type = T;

  explicit counting_allocator(int& count) : made(&count) {}
  template <class U>
  counting_allocator(const counting_allocator<U>& other) // NOLINT: allocators convert
      : made(other.made) {}

  T* allocate(std::size_t n) {
    ++*made;
    return std::allocator<T>().allocate(n);
  }
  void deallocate(T* place, std::size_t n) { std::allocator<T>().deallocate(place, n); }
  template <class U>
  bool operator==(const counting_allocator<U>& other) const {
    return made == other.made;
  }

  int* made;
};

} // namespace

BOOST_FIXTURE_TEST_CASE(a_beast_request_gets_a_beast_response, mirrored) {
  const result came = get(order());
  BOOST_TEST(came.error == error_code());
  BOOST_TEST(came.response.result_int() == 200u);
  BOOST_TEST(came.response.version() == 11u);
  BOOST_TEST(came.response.body() ==
             "POST /orders\nHost=" + host() + "\nContent-Length=5\n\norder");
  BOOST_TEST(came.response.count("X-Twice") == 2u);
  BOOST_TEST(came.response["Content-Length"] == std::to_string(came.response.body().size()));
}

BOOST_FIXTURE_TEST_CASE(what_beast_has_prepared_is_not_doubled, mirrored) {
  auto message = order();
  message.set(http::field::host, "a.test");
  message.insert("X-Twice", "1");
  message.insert("X-Twice", "2");
  message.prepare_payload();
  BOOST_TEST(get(message).response.body() ==
             "POST /orders\nHost=a.test\nX-Twice=1\nX-Twice=2\nContent-Length=5\n\norder");
  message.chunked(true);
  BOOST_TEST(get(message).response.body() ==
             "POST /orders\nHost=a.test\nX-Twice=1\nX-Twice=2\nTransfer-Encoding=chunked\n\norder");
}

BOOST_FIXTURE_TEST_CASE(other_bodies_and_methods_travel_too, mirrored) {
  http::request<http::empty_body> odd;
  odd.version(11);
  odd.method_string("PURGE");
  odd.target("/x?y");
  BOOST_TEST(get(odd).response.body() == "PURGE /x?y\nHost=" + host() + "\n\n");
  http::request<http::dynamic_body> dynamic(http::verb::put, "/", 11);
  boost::beast::ostream(dynamic.body()) << std::string(100'000, 'x');
  dynamic.prepare_payload();
  BOOST_TEST(get(dynamic).response.body().ends_with("\n\n" + std::string(100'000, 'x')));
}

BOOST_FIXTURE_TEST_CASE(a_request_that_asks_for_the_end_of_its_connection_gets_it, mirrored) {
  auto message = order();
  message.keep_alive(false);
  BOOST_TEST(!get(message).response.keep_alive());
  BOOST_TEST(sender.pool().stats().idle == 0u);
  message.keep_alive(true);
  message.version(10);
  message.set(http::field::connection, "keep-alive");
  BOOST_TEST(get(message).response.keep_alive());
  BOOST_TEST(sender.pool().stats().idle == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_request_that_contradicts_itself_is_never_sent, mirrored) {
  std::vector<beast_request> all(6, order());
  all[0].content_length(4);
  all[1].content_length(6);
  all[2].set(http::field::content_length, "5");
  all[2].insert(http::field::transfer_encoding, "chunked");
  all[3].set("X", "a\r\nContent-Length: 9");
  all[4].version(20);
  all[5].insert(http::field::host, "a.test");
  all[5].insert(http::field::host, "b.test");
  for (const beast_request& message : all) {
    const result came = get(message);
    BOOST_TEST(came.error == error_code(error::invalid_request));
    BOOST_TEST(came.response.body().empty());
  }
  BOOST_TEST(server.stats().accepted == 0u);
}

BOOST_FIXTURE_TEST_CASE(the_body_of_the_response_may_be_of_another_type, mirrored) {
  bool is_done = false;
  async_send<http::dynamic_body>(
      sender, order(), [&](error_code ec, const http::response<http::dynamic_body>& response) {
        is_done = !ec && response.body().size() > 20;
      });
  BOOST_TEST(until([&] { return is_done; }));
  is_done = false;
  const http::request<http::empty_body> silent(http::verb::get, "/silent", 11);
  async_send<http::empty_body>(sender, silent,
                               [&](error_code ec, http::response<http::empty_body> response) {
                                 is_done = !ec && response.result() == http::status::no_content;
                               });
  BOOST_TEST(until([&] { return is_done; }));
  is_done = false;
  async_send<http::empty_body>(sender, order(),
                               [&](error_code ec, const http::response<http::empty_body>& none) {
                                 BOOST_TEST((none.begin() == none.end()));
                                 is_done = ec == http::error::unexpected_body;
                               });
  BOOST_TEST(until([&] { return is_done; }));
}

BOOST_FIXTURE_TEST_CASE(coroutines_get_beast_responses_by_each_of_their_tokens, mirrored) {
  int good = 0;
  asio::co_spawn(
      context,
      [&]() -> asio::awaitable<void> {
        const beast_request message = order();
        beast_response first = co_await async_send(sender, message, asio::use_awaitable);
        good += first.result() == http::status::ok;
        beast_response second = co_await async_send(sender, message, asio::deferred);
        good += second.result() == http::status::ok;
        const auto [ec, third] =
            co_await async_send(sender, message, send_options(), asio::as_tuple(asio::deferred));
        good += !ec && third.result() == http::status::ok;
        beast_request bad = order();
        bad.version(20);
        try {
          co_await async_send(sender, bad, asio::use_awaitable);
        } catch (const boost::system::system_error& e) {
          good += e.code() == error::invalid_request;
        }
      },
      asio::detached);
  BOOST_TEST(until([&] { return good == 4; }));
}

BOOST_FIXTURE_TEST_CASE(futures_get_beast_responses, mirrored) {
  std::future<beast_response> answer = async_send(sender, order(), asio::use_future);
  BOOST_TEST(until([&] { return answer.wait_for(0s) == std::future_status::ready; }));
  BOOST_TEST(answer.get().result_int() == 200u);
  auto bad = order();
  bad.version(20);
  answer = async_send(sender, bad, asio::use_future);
  BOOST_TEST(until([&] { return answer.wait_for(0s) == std::future_status::ready; }));
  BOOST_CHECK_THROW(answer.get(), boost::system::system_error);
}

BOOST_FIXTURE_TEST_CASE(the_handlers_executor_and_allocator_are_used, mirrored) {
  const auto strand = asio::make_strand(context);
  for (const unsigned version : {11u, 20u}) {
    auto message = order();
    message.version(version);
    int made = 0;
    bool is_done = false;
    async_send(sender, message,
               asio::bind_allocator(counting_allocator<char>(made),
                                    asio::bind_executor(strand, [&](error_code, beast_response) {
                                      is_done = strand.running_in_this_thread();
                                    })));
    BOOST_TEST(until([&] { return is_done; }));
    BOOST_TEST(made > 0);
  }
}

BOOST_FIXTURE_TEST_CASE(the_handler_may_be_move_only_and_live_on_another_context, mirrored) {
  asio::io_context other;
  bool is_done = false;
  async_send(sender, order(),
             asio::bind_executor(other, [&, owned = std::make_unique<int>(7)](
                                            error_code ec, beast_response) mutable {
               is_done = !ec && *owned == 7;
             }));
  std::thread elsewhere([&] { other.run(); });
  BOOST_TEST(until([&] { return sender.pool().stats().idle == 1; }));
  elsewhere.join();
  BOOST_TEST(is_done);
}

BOOST_AUTO_TEST_CASE(a_cancelled_call_ends_with_operation_aborted) {
  loop run;
  asio::ip::tcp::acceptor silent(run.context, {asio::ip::address_v4::loopback(), 0});
  client sender(run.context, "127.0.0.1", silent.local_endpoint().port());
  for (const auto type : {asio::cancellation_type::terminal, asio::cancellation_type::partial,
                          asio::cancellation_type::total}) {
    asio::cancellation_signal signal;
    error_code came;
    bool is_done = false;
    async_send(sender, order(),
               asio::bind_cancellation_slot(signal.slot(), [&](error_code ec, beast_response) {
                 is_done = true;
                 came = ec;
               }));
    BOOST_TEST(run.until([&] { return sender.pool().stats().leased == 1; }));
    BOOST_TEST(!is_done);
    signal.emit(type);
    BOOST_TEST(run.until([&] { return is_done; }));
    BOOST_TEST(came == error_code(asio::error::operation_aborted));
  }
  sender.pool().close();
  BOOST_TEST(run.until([&] { return sender.pool().stats().total() == 0; }));
}

BOOST_AUTO_TEST_CASE(a_context_that_is_destroyed_with_a_call_in_it_leaks_nothing) {
  const auto owned = std::make_shared<int>(7);
  {
    loop run;
    asio::ip::tcp::acceptor silent(run.context, {asio::ip::address_v4::loopback(), 0});
    client sender(run.context, "127.0.0.1", silent.local_endpoint().port());
    async_send(sender, order(), [owned](error_code, const beast_response&) {});
    auto bad = order();
    bad.version(20);
    async_send(sender, bad, [owned](error_code, const beast_response&) {});
    BOOST_TEST(owned.use_count() == 3);
  }
  BOOST_TEST(owned.use_count() == 1);
}
