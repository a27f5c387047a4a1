// GETs over one kept TLS connection, by the client or by a bare OpenSSL loop, on a socket that
// blocks or one that epoll tells of.

#include "bench/bench.hpp"
#include "bench/flags.hpp"
#include "bench/recorder.hpp"

#include <httpool/client.hpp>
#include <httpool/tls_client.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string_view>

#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <unistd.h>

namespace bench {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

struct target {
  std::string host;
  std::uint16_t port = 0;
};

asio::awaitable<void> ask(httpool::client& client, recorder& figures) {
  const httpool::request question;
  httpool::client_response answer;
  for (;;) {
    const auto began = std::chrono::steady_clock::now();
    co_await client.async_send(question, answer, asio::use_awaitable);
    if (answer.status() != 200)
      throw std::runtime_error("the server answered " + std::to_string(answer.status()));
    if (!figures.record(began, std::chrono::steady_clock::now()))
      co_return;
  }
}

void measure_client(const target& to, recorder& figures) {
  asio::io_context context(1);
  httpool::tls_options trust;
  trust.verify_peer = false;
  httpool::client_options options;
  options.pool.tls = httpool::tls_client::create(trust);
  httpool::client client(context, httpool::origin(httpool::scheme::https, to.host, to.port),
                         options);
  std::exception_ptr failure;
  asio::co_spawn(context, ask(client, figures), [&](const std::exception_ptr& why) {
    failure = why;
    context.stop();
  });
  context.run();
  if (failure)
    std::rethrow_exception(failure);
}

struct free_ssl {
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  void operator()(SSL* connection) const noexcept { SSL_free(connection); }
};

/// Waits for a socket to become readable, as an event loop does.
class readiness {
public:
  explicit readiness(int descriptor) : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    epoll_event wanted{};
    wanted.events = EPOLLIN;
    if (epoll_ < 0 || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &wanted) != 0)
      throw std::runtime_error("the bare loop has no epoll");
  }
  readiness(const readiness&) = delete;
  readiness& operator=(const readiness&) = delete;
  ~readiness() { ::close(epoll_); }

  void wait() const noexcept {
    epoll_event seen{};
    ::epoll_wait(epoll_, &seen, 1, -1);
  }

private:
  const int epoll_;
};

/// No pool, no deadline, and of the response only where it ends.
void measure_bare(const target& to, bool by_epoll, recorder& figures) {
  asio::io_context context;
  tcp::socket socket(context);
  socket.connect({asio::ip::make_address(to.host), to.port});
  socket.set_option(tcp::no_delay(true));
  const std::unique_ptr<SSL_CTX, free_ssl> settings(SSL_CTX_new(TLS_client_method()));
  const std::unique_ptr<SSL, free_ssl> connection(SSL_new(settings.get()));
  SSL_set_fd(connection.get(), socket.native_handle());
  if (SSL_connect(connection.get()) != 1)
    throw std::runtime_error("the bare loop's handshake failed");
  std::optional<readiness> loop;
  if (by_epoll) {
    socket.non_blocking(true);
    loop.emplace(socket.native_handle());
  }
  const std::string question =
      "GET / HTTP/1.1\r\nHost: " + to.host + ':' + std::to_string(to.port) + "\r\n\r\n";
  std::array<char, 8192> room{};
  for (;;) {
    const auto began = std::chrono::steady_clock::now();
    if (SSL_write(connection.get(), question.data(), static_cast<int>(question.size())) <= 0)
      throw std::runtime_error("the bare loop could not write");
    std::size_t have = 0;
    for (bool is_whole = false; !is_whole;) {
      if (loop && SSL_has_pending(connection.get()) == 0)
        loop->wait();
      const int got =
          SSL_read(connection.get(), room.data() + have, static_cast<int>(room.size() - have));
      if (got <= 0 && loop && SSL_get_error(connection.get(), got) == SSL_ERROR_WANT_READ)
        continue;
      if (got <= 0)
        throw std::runtime_error("the bare loop could not read");
      have += static_cast<std::size_t>(got);
      const std::string_view text(room.data(), have);
      const std::size_t head = text.find("\r\n\r\n");
      const std::size_t size = text.find("\r\nContent-Length: ");
      is_whole = head != text.npos && size < head &&
                 have >= head + 4 + std::strtoul(room.data() + size + 18, nullptr, 10);
    }
    if (!figures.record(began, std::chrono::steady_clock::now()))
      return;
  }
}

} // namespace

int run_tls(const std::vector<std::string>& given) {
  po::options_description flags("httpool_bench tls");
  flags.add_options()("host", po::value<std::string>()->default_value("127.0.0.1"),
                      "of the server, an address")(
      "port", po::value<std::uint16_t>()->required(),
      "of the server, whose certificate is not verified")(
      "bare", po::bool_switch(), "the bare OpenSSL loop instead of the client")(
      "epoll", po::bool_switch(), "with --bare: wait by epoll, not in the read")(
      "seconds", po::value<double>()->default_value(3),
      "to measure")("warmup", po::value<double>()->default_value(.5), "seconds before that");
  const po::variables_map values = read(flags, given);
  const target to{values["host"].as<std::string>(), values["port"].as<std::uint16_t>()};
  recorder figures(at_least(values, "warmup", 0.), at_least(values, "seconds", 0.));
  values["bare"].as<bool>() ? measure_bare(to, values["epoll"].as<bool>(), figures)
                            : measure_client(to, figures);
  std::cout << figures.row("") << std::endl;
  return 0;
}

} // namespace bench
