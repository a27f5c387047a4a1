// A pool of connections to a Unix-domain socket.

#include "dial/dialer.hpp"
#include "net/net_fixture.hpp"

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/socket_base.hpp>

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <sys/resource.h>

using namespace net_test;
using httpool::connection_pool;
using httpool::error;
using httpool::lease;
using unix_socket = asio::local::stream_protocol;

namespace {

static_assert(!std::is_constructible_v<connection_pool, asio::io_context&, const char*>,
              "a host without a port is no path");
static_assert(!std::is_constructible_v<connection_pool, asio::any_io_executor, std::string>);

/// A folder of the test's own.
class folder {
public:
  folder() {
    std::string name = (std::filesystem::temp_directory_path() / "httpool-XXXXXX").string();
    BOOST_TEST_REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;
  ~folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  unix_socket::endpoint at(const char* name) const { return {(path_ / name).string()}; }

private:
  std::filesystem::path path_;
};

struct scene : loop {
  folder place;
  const unix_socket::endpoint endpoint = place.at("socket");
};

/// Echoes what it reads.
class echo_server {
public:
  echo_server(asio::io_context& context, const unix_socket::endpoint& endpoint)
      : acceptor_(context, endpoint) {
    accept();
  }

  std::size_t accepted() const { return peers_.size(); }
  unix_socket::socket& last() { return peers_.back()->socket; }

private:
  struct peer {
    unix_socket::socket socket;
    std::array<char, 64> chunk = {};
  };

  void accept() {
    acceptor_.async_accept([this](error_code ec, unix_socket::socket socket) {
      if (ec)
        return;
      peers_.push_back(std::make_shared<peer>(peer{std::move(socket)}));
      read(peers_.back());
      accept();
    });
  }

  void read(const std::shared_ptr<peer>& p) {
    p->socket.async_read_some(asio::buffer(p->chunk), [this, p](error_code ec, std::size_t size) {
      if (ec)
        return;
      asio::write(p->socket, asio::buffer(p->chunk.data(), size), ec);
      read(p);
    });
  }

  unix_socket::acceptor acceptor_;
  std::vector<std::shared_ptr<peer>> peers_;
};

/// A listener that accepts nobody, with a full backlog.
class crowded_port {
public:
  crowded_port(asio::io_context& context, const unix_socket::endpoint& endpoint)
      : acceptor_(context) {
    acceptor_.open();
    acceptor_.bind(endpoint);
    acceptor_.listen(0);
    unix_socket::socket filler(context, unix_socket());
    filler.native_non_blocking(true);
    while (::connect(filler.native_handle(), endpoint.data(),
                     static_cast<socklen_t>(endpoint.size())) == 0) {
      fillers_.push_back(std::move(filler));
      filler = unix_socket::socket(context, unix_socket());
      filler.native_non_blocking(true);
    }
  }

  void accept_all() {
    for (std::size_t i = 0; i != fillers_.size(); ++i)
      accepted_.push_back(acceptor_.accept());
  }

private:
  unix_socket::acceptor acceptor_;
  std::vector<unix_socket::socket> fillers_;
  std::vector<unix_socket::socket> accepted_;
};

/// Sends a word and returns what comes back.
std::string echo(loop& run, lease& over, const std::string& word) {
  std::string answer(word.size(), ' ');
  bool is_done = false;
  asio::async_write(over.socket(), asio::buffer(word), [&](error_code ec, std::size_t) {
    BOOST_TEST(ec == error_code());
    asio::async_read(over.socket(), asio::buffer(answer), [&](error_code failure, std::size_t) {
      BOOST_TEST(failure == error_code());
      is_done = true;
    });
  });
  BOOST_TEST_REQUIRE(run.until([&] { return is_done; }));
  return answer;
}

} // namespace

BOOST_FIXTURE_TEST_CASE(a_connection_over_a_unix_socket_serves_and_serves_again, scene) {
  echo_server host(context, endpoint);
  connection_pool pool(context, endpoint);
  for (const char* word : {"one", "two", "three"}) {
    lease got = leased(*this, pool);
    BOOST_TEST(echo(*this, got, word) == word);
    BOOST_TEST(got.id() == 1u);
    got.keep_alive(true);
  }
  BOOST_TEST(host.accepted() == 1u);
  BOOST_TEST(pool.stats().idle == 1u);
  check_sums(pool.stats());
}

BOOST_FIXTURE_TEST_CASE(the_socket_of_a_unix_lease_reads_at_once_and_cancels_and_detaches, scene) {
  echo_server host(context, endpoint);
  connection_pool pool(asio::any_io_executor(context.get_executor()), endpoint);
  lease got = leased(*this, pool);
  BOOST_TEST(until([&] { return host.accepted() == 1; }));

  std::array<char, 8> chunk = {};
  std::optional<error_code> ended;
  got.socket().async_read_some(asio::buffer(chunk),
                               [&](error_code ec, std::size_t) { ended = ec; });
  settle();
  BOOST_TEST(!ended);
  got.socket().cancel();
  BOOST_TEST(until([&] { return ended.has_value(); }));
  BOOST_TEST(*ended == error_code(asio::error::operation_aborted));

  asio::write(host.last(), asio::buffer("now", 3));
  BOOST_TEST(got.socket().read_some(asio::buffer(chunk)) == 3u);
  tcp::socket taken = got.detach();
  BOOST_TEST(taken.is_open());
  taken.shutdown(tcp::socket::shutdown_send);
  BOOST_TEST(pool.stats().total() == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_unix_peer_that_closes_or_speaks_while_idle_costs_its_connection, scene) {
  for (const bool speaks : {true, false}) {
    const auto at = place.at(speaks ? "speaks" : "closes");
    echo_server host(context, at);
    connection_pool pool(context, at);
    give_back(leased(*this, pool));
    BOOST_TEST(until([&] { return host.accepted() == 1; }));
    if (speaks)
      asio::write(host.last(), asio::buffer("?", 1));
    else
      host.last().close();
    lease fresh = leased(*this, pool); // the look at the hand-out finds it
    BOOST_TEST(fresh.id() == 2u);
    fresh.keep_alive(true);
    fresh.reset();
    BOOST_TEST(until([&] { return host.accepted() == 2; }));
    BOOST_TEST(pool.stats().idle == 1u);
    host.last().close();
    BOOST_TEST(until([&] { return pool.stats().idle == 0; })); // the watch does
  }
}

BOOST_FIXTURE_TEST_CASE(a_late_unix_lease_is_shut_down_and_not_kept, scene) {
  echo_server host(context, endpoint);
  connection_pool pool(context, endpoint);
  lease got = leased(*this, pool);
  got.expires_after(1ms);
  std::array<char, 8> chunk = {};
  bool has_ended = false;
  got.socket().async_read_some(asio::buffer(chunk),
                               [&](error_code, std::size_t) { has_ended = true; });
  BOOST_TEST(until([&] { return has_ended; }));
  BOOST_TEST(got.late());
}

BOOST_FIXTURE_TEST_CASE(prepare_runs_on_a_unix_connection, scene) {
  echo_server host(context, endpoint);
  std::string greeting(2, ' ');
  connection_pool pool(
      context, endpoint, {.prepare = [&](tcp::socket& socket) -> asio::awaitable<void> {
        co_await asio::async_write(socket, asio::buffer("hi", 2), asio::use_awaitable);
        co_await asio::async_read(socket, asio::buffer(greeting), asio::use_awaitable);
      }});
  BOOST_TEST(bool(leased(*this, pool)));
  BOOST_TEST(greeting == "hi");
}

// What goes wrong ---------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(a_missing_path_and_one_that_nobody_serves_have_errors_of_their_own, scene) {
  connection_pool missing(context, endpoint);
  BOOST_TEST(failed(*this, missing) == error_code(boost::system::errc::no_such_file_or_directory,
                                                  boost::system::system_category()));

  unix_socket::acceptor(context, endpoint).close(); // its file stays
  connection_pool dead(context, endpoint);
  BOOST_TEST(failed(*this, dead) == error_code(error::connection_refused));

  std::ofstream(place.at("file").path()) << "no socket";
  connection_pool file(context, place.at("file"));
  BOOST_TEST(failed(*this, file) == error_code(error::connection_refused));
}

BOOST_FIXTURE_TEST_CASE(running_out_of_descriptors_fails_the_caller_and_passes, scene) {
  echo_server host(context, endpoint);
  connection_pool pool(context, endpoint, {.dial_backoff = 0s});
  const lease held = leased(*this, pool);
  rlimit before = {};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 3;
  setrlimit(RLIMIT_NOFILE, &none);
  const error_code seen = failed(*this, pool);
  setrlimit(RLIMIT_NOFILE, &before);
  BOOST_TEST(seen == error_code(asio::error::no_descriptors));
  BOOST_TEST(bool(leased(*this, pool)));
}

BOOST_FIXTURE_TEST_CASE(a_full_backlog_is_waited_for_until_the_deadline, scene) {
  crowded_port busy(context, endpoint);
  const std::size_t open_before = descriptors();
  connection_pool late(context, endpoint, {.dial_timeout = 20ms});
  const auto began = now();
  BOOST_TEST(failed(*this, late) == error_code(error::dial_timeout));
  BOOST_TEST((now() - began >= 20ms));
  late.close();
  BOOST_TEST(descriptors() == open_before);

  connection_pool patient(context, endpoint);
  const call waiting = acquire(patient);
  settle();
  BOOST_TEST(!waiting->is_done);
  busy.accept_all();
  BOOST_TEST(until([&] { return waiting->is_done; }));
  BOOST_TEST(waiting->error == error_code());
}

BOOST_FIXTURE_TEST_CASE(a_dial_to_a_full_backlog_is_given_up_at_once, scene) {
  const crowded_port busy(context, endpoint);
  connection_pool pool(context, endpoint);
  const call waiting = acquire(pool);
  settle();
  std::optional<error_code> drained;
  pool.async_drain([&](error_code ec) { drained = ec; });
  BOOST_TEST(until([&] { return drained && waiting->is_done; }));
  BOOST_TEST(*drained == error_code());
  BOOST_TEST(waiting->error == error_code(error::pool_closed));
}

BOOST_FIXTURE_TEST_CASE(a_path_that_is_none_is_refused_at_once_with_its_value, scene) {
  using httpool::detail::dialer;
  using std::string;
  const auto refuses = [&](const string& path, const string& why) {
    BOOST_CHECK_EXCEPTION(dialer(dialer::unix_path{path}, {}), std::invalid_argument,
                          [&](const std::invalid_argument& e) {
                            const string what = e.what();
                            BOOST_TEST(what.find("path is " + why) != string::npos, what);
                            return true;
                          });
    if (path.size() < 108)
      BOOST_CHECK_THROW(connection_pool(context, unix_socket::endpoint(path)),
                        std::invalid_argument);
  };
  refuses("", "empty, but");
  refuses(string("\0abstract", 9), "\"\\0...\", but");
  refuses(string("a\0b", 3), "\"a\\0...\", but");
  refuses(string(108, 'x'), '"' + string(108, 'x') + "\", but must not exceed 107 bytes");
  BOOST_CHECK_NO_THROW(dialer(dialer::unix_path{string(107, 'x')}, {}));
}
