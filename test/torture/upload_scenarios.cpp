// Scenarios of the client in which a request is written while its response is read.
#include "torture/caller.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace torture {
namespace {

using httpool::body_source;
using httpool::client_options;
using httpool::request;

/// A body of which each piece is a hook, and a rewind.
body_source pieces(bool has_size) {
  const auto given = std::make_shared<std::size_t>(0);
  const auto produce = [given](asio::mutable_buffer room) -> asio::awaitable<std::size_t> {
    hook();
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    hook();
    const std::size_t size = std::min(room.size(), body_size - *given);
    std::fill_n(static_cast<char*>(room.data()), size, 'c');
    *given += size;
    co_return size;
  };
  const auto rewind = [given] {
    hook();
    *given = 0;
  };
  return body_source(produce, has_size ? std::optional<std::uint64_t>(body_size) : std::nullopt,
                     rewind);
}

/// A body that goes on with the end of the call alone.
body_source endless() {
  return body_source([](asio::mutable_buffer) -> asio::awaitable<std::size_t> {
    hook();
    asio::steady_timer never(co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
    co_return 0;
  });
}

/// Gives each connection the same answer, whenever what it has heard suffices.
class impatient_peer {
public:
  using judge = bool (*)(std::string_view heard);

  impatient_peer(bench& in, judge suffices) : acceptor_(in.peers(), any_port), suffices_(suffices) {
    accept();
  }
  impatient_peer(const impatient_peer&) = delete;
  impatient_peer& operator=(const impatient_peer&) = delete;
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

private:
  struct line : std::enable_shared_from_this<line> {
    line(tcp::socket accepted, judge by) : socket(std::move(accepted)), suffices(by) {}

    void hear() {
      socket.async_read_some(asio::buffer(room),
                             [self = shared_from_this()](error_code ec, std::size_t size) {
                               if (ec)
                                 return;
                               self->heard.append(self->room.data(), size);
                               self->suffices(self->heard) ? self->say() : self->hear();
                             });
    }

    void say() {
      static constexpr std::string_view answer =
          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nshort";
      heard.clear();
      asio::async_write(socket, asio::buffer(answer),
                        [self = shared_from_this()](error_code, std::size_t) { self->hear(); });
    }

    tcp::socket socket;
    judge suffices;
    std::array<char, 4096> room{};
    std::string heard;
  };

  void accept() {
    acceptor_.async_accept([this](error_code ec, tcp::socket socket) {
      if (ec)
        return;
      std::make_shared<line>(std::move(socket), suffices_)->hear();
      accept();
    });
  }

  tcp::acceptor acceptor_;
  judge suffices_;
};

void put(bench& b, caller& by, answered& of, body_source body, bool expects_leave = false) {
  b.start(of, [&](auto handler) {
    request message("PUT", "/");
    if (expects_leave)
      message.fields().set("Expect", "100-continue");
    (*by).async_send(std::move(message), std::move(body), {}, std::move(handler));
  });
  b.await(of, "an upload");
  by.check(of);
}

/// A body in one piece, and from sources, at once or by leave.
void uploads(bench& b, caller& by) {
  std::array<answered, 3> calls;
  by.send(calls[0], "PUT", "/", body_size);
  put(b, by, calls[1], pieces(true));
  put(b, by, calls[2], pieces(false), true);
  by.finish();
}

void upload(bench& b) {
  http_peer peer(b);
  caller by(b, origin_of("http", "127.0.0.1", peer.port()), options_of(b));
  uploads(b, by);
}

void upload_on_a_strand(bench& b) {
  b.tolerate_lost_handlers();
  http_peer peer(b);
  caller by(b, origin_of("http", "127.0.0.1", peer.port()), options_of(b), true);
  uploads(b, by);
}

void upload_encrypted(bench& b) {
  http_peer peer(b, server_tls());
  client_options options = options_of(b);
  options.pool.tls = httpool::tls_client::create(client_tls_options());
  caller by(b, origin_of("https", "localhost", peer.port()), options);
  uploads(b, by);
}

/// The peer never gives leave.
void upload_without_leave(bench& b) {
  impatient_peer peer(b, [](std::string_view heard) {
    return heard.starts_with("GET") || heard.ends_with("\r\n0\r\n\r\n");
  });
  client_options options = options_of(b);
  options.continue_timeout = 1ms;
  caller by(b, origin_of("http", "127.0.0.1", peer.port()), options);
  answered call;
  put(b, by, call, pieces(false), true);
  by.finish();
}

/// The response is complete while the source still waits.
void answered_early(bench& b) {
  impatient_peer peer(b, [](std::string_view) { return true; });
  caller by(b, origin_of("http", "127.0.0.1", peer.port()), options_of(b));
  std::array<answered, 2> calls;
  put(b, by, calls[0], endless(), true);
  by.send(calls[1], "PUT", "/", body_size);
  by.finish();
}

} // namespace

std::vector<scenario> upload_scenarios() {
  return {{"upload, body source", upload},
          {"upload on a strand", upload_on_a_strand},
          {"https, large requests", upload_encrypted},
          {"upload without leave", upload_without_leave},
          {"upload answered early", answered_early}};
}

} // namespace torture
