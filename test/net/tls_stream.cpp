// The stream of a lease: the same code over a plain connection and an encrypted one.

#include "net/tls_loop.hpp"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
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

/// An executor that `any_io_executor` cannot hold, as it does not know how not to block.
class own_executor {
public:
  explicit own_executor(asio::io_context::executor_type of) noexcept : of_(of) {}

  asio::execution_context& query(asio::execution::context_t) const noexcept {
    return of_.context();
  }
  auto prefer(asio::execution::outstanding_work_t::tracked_t property) const {
    return tracked(asio::prefer(of_, property));
  }
  template <class Function>
  void execute(Function&& function) const {
    of_.execute(std::forward<Function>(function));
  }
  [[maybe_unused]] friend bool operator==(const own_executor&,
                                          const own_executor&) noexcept = default;

private:
  using work = std::decay_t<decltype(asio::prefer(std::declval<asio::io_context::executor_type>(),
                                                  asio::execution::outstanding_work.tracked))>;

  class tracked {
  public:
    explicit tracked(work of) noexcept : of_(of) {}
    asio::execution_context& query(asio::execution::context_t) const noexcept {
      return asio::query(of_, asio::execution::context);
    }
    template <class Function>
    void execute(Function&& function) const {
      of_.execute(std::forward<Function>(function));
    }
    [[maybe_unused]] friend bool operator==(const tracked&, const tracked&) noexcept = default;

  private:
    work of_;
  };

  asio::io_context::executor_type of_;
};

struct usage {
  std::size_t taken = 0;
  std::size_t given_back = 0;
};

/// Counts what is taken and given back.
template <class T>
struct counting_allocator {
  using value_type = T;

  explicit counting_allocator(usage& of) noexcept : used(&of) {}
  template <class U>
  counting_allocator(const counting_allocator<U>& other) noexcept : used(other.used) {}

  T* allocate(std::size_t count) {
    ++used->taken;
    return std::allocator<T>().allocate(count);
  }
  void deallocate(T* memory, std::size_t count) noexcept {
    ++used->given_back;
    std::allocator<T>().deallocate(memory, count);
  }
  template <class U>
  bool operator==(const counting_allocator<U>& other) const noexcept {
    return used == other.used;
  }

  usage* used;
};

using any_handler = asio::any_completion_handler<void(error_code, std::size_t)>;

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

BOOST_FIXTURE_TEST_CASE(a_context_goes_on_until_its_handler_has_run_whatever_its_executor,
                        streams) {
  static_assert(!std::is_convertible_v<own_executor, asio::any_io_executor>);
  static_assert(!std::is_convertible_v<asio::any_completion_executor, asio::any_io_executor>);
  for (const bool is_erased : {false, true}) {
    tls_peer peer(context, good(), {serves().hears_bytes(5).says("hello")});
    client sender(context, https_to(peer), trusting());
    warm_up(sender);
    httpool::lease lease = sender.pool().try_acquire();
    BOOST_TEST_REQUIRE(bool(lease));
    asio::io_context other(1);
    std::string got(5, '?');
    int ended = 0;
    usage used;
    const auto handler = [&](error_code ec, std::size_t size) {
      BOOST_TEST(!ec);
      BOOST_TEST(size == 5u);
      BOOST_TEST(other.get_executor().running_in_this_thread());
      ++ended;
    };
    const auto bound = [&](auto executor) {
      return asio::bind_allocator(counting_allocator<void>(used),
                                  asio::bind_executor(executor, handler));
    };
    const auto begin = [&](const auto& operation) {
      if (is_erased)
        operation(any_handler(bound(other.get_executor())));
      else
        operation(bound(own_executor(other.get_executor())));
    };
    begin([&](auto h) { lease.stream().async_read_some(asio::buffer(got), std::move(h)); });
    begin([&](auto h) {
      lease.stream().async_write_some(asio::const_buffer("hello", 5), std::move(h));
    });
    for (int expected = 1; expected <= 2; ++expected) {
      BOOST_TEST_REQUIRE(until([&] {
        other.poll();
        BOOST_TEST_REQUIRE((other.stopped() == (ended == 2)));
        return ended == expected;
      }));
    }
    BOOST_TEST(got == "hello");
    BOOST_TEST(used.taken > 1u);
    BOOST_TEST(used.taken == used.given_back);
  }
}

BOOST_FIXTURE_TEST_CASE(a_handler_with_an_executor_of_another_kind_may_go_with_its_contexts,
                        streams) {
  tls_peer peer(context, good(), {serves()});
  usage used;
  asio::io_context other(1);
  {
    asio::io_context gone(1);
    client sender(gone, https_to(peer), trusting());
    bool is_warm = false;
    sender.async_send(get(), [&](error_code ec, const client_response&) {
      BOOST_TEST(!ec);
      is_warm = true;
    });
    BOOST_TEST_REQUIRE(until([&] {
      gone.poll();
      return is_warm;
    }));
    httpool::lease lease = sender.pool().try_acquire();
    BOOST_TEST_REQUIRE(bool(lease));
    std::string room(5, '?');
    lease.stream().async_read_some(
        asio::buffer(room),
        any_handler(asio::bind_allocator(
            counting_allocator<void>(used),
            asio::bind_executor(other.get_executor(), [](error_code, std::size_t) {
              BOOST_ERROR("its context is gone");
            }))));
    other.poll();
    BOOST_TEST(!other.stopped());
  }
  other.poll();
  BOOST_TEST(other.stopped());
  BOOST_TEST(used.taken == used.given_back);
}
