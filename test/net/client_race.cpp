// The race between a request and the end of the connection that it goes out on: a peer that closes
// connections which it has kept just when it likes.

#include "net/client_fixture.hpp"

#include <boost/asio/steady_timer.hpp>

#include <array>
#include <atomic>
#include <cstring>
#include <random>
#include <string_view>
#include <thread>

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace client_test;

namespace {

constexpr unsigned quick_run = 5'000;
constexpr unsigned whole_run = 100'000;

/// What became of one request. Even numbers are GETs, odd ones POSTs.
struct record {
  std::atomic<std::uint8_t> written = 0;  ///< How often bytes of it have left.
  std::atomic<std::uint8_t> executed = 0; ///< How often the peer did what it asks for.
};
std::array<record, 2 * whole_run> records;

/// Notes which request the system has taken the beginning of.
void note_written(std::string_view text) {
  if (!text.starts_with("GET /") && !text.starts_with("POST /"))
    return;
  std::size_t number = 0;
  for (std::size_t at = text.find('/') + 1; at < text.size() && text[at] != ' '; ++at)
    number = number * 10 + static_cast<std::size_t>(text[at] - '0');
  ++records.at(number).written;
}

} // namespace

// The client alone knows what it has written, and does not tell: the calls by which it writes do.

extern "C" ssize_t send(int descriptor, const void* data, size_t size, int flags) {
  const ssize_t sent = ::syscall(SYS_sendto, descriptor, data, size, flags, nullptr, 0);
  if (sent > 0)
    note_written({static_cast<const char*>(data), size});
  return sent;
}

extern "C" ssize_t sendmsg(int descriptor, const msghdr* message, int flags) {
  const ssize_t sent = ::syscall(SYS_sendmsg, descriptor, message, flags);
  if (sent <= 0)
    return sent;
  for (std::size_t i = 0; i != message->msg_iovlen; ++i)
    if (const iovec& part = message->msg_iov[i]; part.iov_len > 0) {
      note_written({static_cast<const char*>(part.iov_base), part.iov_len});
      break;
    }
  return sent;
}

namespace {

/// Answers the first request on each connection, and then perhaps no other.
class fickle_peer {
public:
  explicit fickle_peer(unsigned seed)
      : acceptor_(context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        random_(seed),
        port(acceptor_.local_endpoint().port()) {
    accept();
    thread_ = std::thread([this] { context_.run(); });
  }
  fickle_peer(const fickle_peer&) = delete;
  fickle_peer& operator=(const fickle_peer&) = delete;
  ~fickle_peer() {
    context_.stop();
    thread_.join();
  }

private:
  /// What happens to a connection once it has served.
  enum class fate {
    serves_on,
    closes_soon, ///< At a moment of its own, whatever comes.
    resets_soon,
    ends_sending, ///< And reads on.
    closes_at_once,
    drops_next,   ///< Takes the next request, and closes without a look at it.
    dies_of_next, ///< Does what the next request asks for, and closes without a word.
  };

  struct connection : std::enable_shared_from_this<connection> {
    connection(fickle_peer& owner, tcp::socket accepted)
        : peer(owner), socket(std::move(accepted)), timer(socket.get_executor()) {
      socket.set_option(tcp::no_delay(true), ignored);
    }

    void read() {
      socket.async_read_some(asio::buffer(room),
                             [self = shared_from_this()](error_code ec, std::size_t size) {
                               if (ec)
                                 return self->end();
                               self->heard.append(self->room.data(), size);
                               self->serve();
                             });
    }

    void serve() {
      const std::size_t head = heard.find("\r\n\r\n");
      const bool has_body = heard.starts_with("POST");
      if (head == std::string::npos || (has_body && heard.size() < head + 4 + body.size()))
        return read();
      timer.cancel();
      if (next == fate::drops_next)
        return end();
      const std::size_t at = heard.find('/') + 1;
      const std::string number = heard.substr(at, heard.find(' ', at) - at);
      heard.clear();
      ++records.at(std::stoul(number)).executed;
      if (next == fate::dies_of_next)
        return end();
      answer = ok(number);
      asio::write(socket, asio::buffer(answer), ignored);
      next = peer.choose();
      switch (next) {
      case fate::closes_at_once:
        return end();
      case fate::ends_sending:
      case fate::closes_soon:
      case fate::resets_soon:
        timer.expires_after(std::chrono::microseconds(peer.random_() % 200));
        timer.async_wait([self = shared_from_this()](error_code ec) {
          if (!ec)
            self->end();
        });
        break;
      default:
        break;
      }
      read();
    }

    void end() {
      timer.cancel();
      if (next == fate::ends_sending) {
        socket.shutdown(tcp::socket::shutdown_send, ignored);
        next = fate::drops_next;
        return;
      }
      if (next == fate::resets_soon)
        socket.set_option(tcp::socket::linger(true, 0), ignored);
      socket.close(ignored);
    }

    static constexpr std::string_view body = "order";
    fickle_peer& peer;
    tcp::socket socket;
    asio::steady_timer timer;
    fate next = fate::serves_on;
    std::array<char, 4096> room;
    std::string heard;
    std::string answer;
    error_code ignored;
  };

  fate choose() {
    constexpr fate fates[] = {fate::serves_on,    fate::serves_on,      fate::closes_soon,
                              fate::closes_soon,  fate::resets_soon,    fate::resets_soon,
                              fate::ends_sending, fate::closes_at_once, fate::drops_next,
                              fate::dies_of_next};
    return fates[random_() % std::size(fates)];
  }

  void accept() {
    acceptor_.async_accept([this](error_code ec, tcp::socket socket) {
      if (ec)
        return;
      std::make_shared<connection>(*this, std::move(socket))->read();
      accept();
    });
  }

  asio::io_context context_{1};
  tcp::acceptor acceptor_;
  std::minstd_rand random_;
  std::thread thread_;

public:
  const std::uint16_t port;
};

struct tally {
  unsigned begun = 0;
  unsigned callers = 0;    ///< Those that have not ended.
  unsigned again = 0;      ///< GETs that were sent twice.
  unsigned lost = 0;       ///< POSTs that failed.
  unsigned failed = 0;     ///< GETs that failed, which none may.
  unsigned mismatched = 0; ///< What got another's response.
  unsigned unwritten = 0;  ///< POSTs that failed though nothing of them had left.
  unsigned otherwise = 0;  ///< Other errors than that the connection was closed.
};

/// Sends one request after the other, at once or a moment later.
class caller {
public:
  caller(asio::io_context& context, client& to, tally& counts, unsigned requests, unsigned seed)
      : timer_(context), sender_(to), counts_(counts), requests_(requests), random_(seed) {}

  void next() {
    const unsigned number = counts_.begun;
    if (number == requests_) {
      --counts_.callers;
      return;
    }
    ++counts_.begun;
    std::string target = std::to_string(number);
    target.insert(target.begin(), '/');
    request message(number % 2 == 0 ? "GET" : "POST", target);
    if (number % 2 == 1)
      message.body("order");
    sender_.async_send(std::move(message),
                       [this, number](error_code ec, const client_response& response) {
                         count(number, ec, response);
                         pause();
                       });
  }

private:
  void pause() {
    if (random_() % 2 == 0)
      return next();
    timer_.expires_after(std::chrono::microseconds(random_() % 200));
    timer_.async_wait([this](error_code) { next(); });
  }

  void count(unsigned number, error_code ec, const client_response& response) {
    const bool is_get = number % 2 == 0;
    if (!ec) {
      counts_.mismatched += response.body() != std::to_string(number);
      counts_.again += is_get && records[number].written == 2;
      return;
    }
    ++(is_get ? counts_.failed : counts_.lost);
    counts_.unwritten += !is_get && records[number].written == 0;
    counts_.otherwise += ec != error::connection_closed;
  }

  asio::steady_timer timer_;
  client& sender_;
  tally& counts_;
  const unsigned requests_;
  std::minstd_rand random_;
};

} // namespace

BOOST_FIXTURE_TEST_CASE(scar_74_kept_connections_that_end_as_they_are_used_lose_no_get, loop) {
  const unsigned requests = 2 * (is_whole_run() ? whole_run : quick_run);
  constexpr unsigned callers = 6;
  { const scripted_peer makes_the_context_open_its_own(context, {script()}); }
  settle();
  const std::size_t before = descriptors();
  {
    fickle_peer peer(74);
    client_options options;
    options.pool.max_connections = callers;
    options.pool.max_dials = callers;
    client sender(context, "127.0.0.1", peer.port, options);
    tally counts;
    counts.callers = callers;
    std::vector<std::unique_ptr<caller>> all;
    for (unsigned i = 0; i != callers; ++i)
      all.push_back(std::make_unique<caller>(context, sender, counts, requests, 740 + i));
    for (const auto& each : all)
      each->next();
    BOOST_TEST_REQUIRE(until([&] { return counts.callers == 0; }));

    unsigned sent_too_often = 0;
    unsigned executed_too_often = 0;
    unsigned executed_unwritten = 0;
    for (unsigned i = 0; i != requests; ++i) {
      const unsigned most = i % 2 == 0 ? 2 : 1;
      sent_too_often += records[i].written > most;
      executed_too_often += records[i].executed > most;
      executed_unwritten += records[i].executed > records[i].written;
    }
    BOOST_TEST_MESSAGE(requests / 2 << " GETs, of which " << counts.again << " were sent twice and "
                                    << counts.failed << " failed; as many POSTs, of which "
                                    << counts.lost << " failed after they had been written");
    BOOST_TEST(counts.failed == 0u);
    BOOST_TEST(counts.mismatched == 0u);
    BOOST_TEST(counts.unwritten == 0u);
    BOOST_TEST(counts.otherwise == 0u);
    BOOST_TEST(sent_too_often == 0u);
    BOOST_TEST(executed_too_often == 0u);
    BOOST_TEST(executed_unwritten == 0u);
    BOOST_TEST(counts.again > 0u);
    BOOST_TEST(counts.lost > 0u);

    sender.pool().close();
    BOOST_TEST(until([&] { return sender.pool().stats().total() == 0; }));
    const httpool::pool_stats s = sender.pool().stats();
    BOOST_TEST(s.acquires == s.granted + s.timed_out + s.cancelled + s.failed + s.refused);
    BOOST_TEST(s.made == s.closed());
    BOOST_TEST(s.peak_total <= callers);
  }
  settle();
  BOOST_TEST(descriptors() == before);
}
