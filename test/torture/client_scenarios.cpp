// Scenarios of the client.
#include "torture/caller.hpp"

#include <boost/asio/write.hpp>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace torture {
namespace {

using httpool::client_options;
using httpool::request;
using httpool::response_stream;

/// Twice over one connection.
void exchanges(bench& b, bool on_strand) {
  http_peer peer(b);
  caller by(b, origin_of("http", "127.0.0.1", peer.port()), options_of(b), on_strand);
  std::array<answered, 3> calls;
  by.send(calls[0], "GET", "/");
  by.send(calls[1], "POST", "/", 10);
  by.send(calls[2], "GET", "/long");
  by.finish();
}

void exchanges(bench& b) {
  exchanges(b, false);
}

void exchanges_on_a_strand(bench& b) {
  b.tolerate_lost_handlers();
  exchanges(b, true);
}

/// A connection is dialed while the client is made, which may fail.
void exchanges_of_a_warm_client(bench& b) {
  http_peer peer(b);
  client_options options = options_of(b);
  options.pool.min_idle = 1;
  options.pipeline_depth = 2;
  caller by(b, origin_of("http", "127.0.0.1", peer.port()), options);
  answered call;
  by.send(call, "GET", "/");
  by.finish();
}

/// To origins that are named by URLs, whose pools come and go.
void exchanges_by_url(bench& b) {
  http_peer peer(b);
  http_peer other(b);
  caller by(b, origin_of("http", "127.0.0.1", peer.port()), options_of(b));
  std::array<answered, 2> calls;
  std::string url("http://127.0.0.1:");
  url.append(std::to_string(other.port())).append("/last");
  for (answered& each : calls)
    by.send(each, "GET", url.c_str());
  by.finish();
}

/// Reads a streamed response to its end, or drops it.
void stream(bench& b) {
  http_peer peer(b);
  caller by(b, origin_of("http", "127.0.0.1", peer.port()), options_of(b));
  opened whole;
  b.start(whole,
          [&](auto handler) { (*by).async_open(request("GET", "/long"), std::move(handler)); });
  b.await(whole, "the opening of a stream");
  b.check_end(whole, "the opening of a stream");
  std::string room(64 * 1024, '\0');
  for (int i = 0; whole.result && i != 30; ++i) {
    was_read piece;
    const auto begin = [&](auto handler) {
      whole.result.async_read_some(asio::buffer(room), std::move(handler));
    };
    if (i == 0)
      b.start(piece, begin);
    else
      piece.is_begun = b.attempt([&] { begin(reporter<std::size_t>(piece)); });
    b.await(piece, "a read");
    if (piece.error == asio::error::eof)
      break;
    b.check_end(piece, "a read");
    if (!piece.is_good())
      break;
  }
  b.attempt([&] { whole.result = response_stream(); });
  opened part;
  b.start(part, [&](auto handler) { (*by).async_open(request("GET", "/"), std::move(handler)); });
  b.await(part, "the opening of another stream");
  b.check_end(part, "the opening of another stream");
  b.attempt([&] { part.result = response_stream(); });
  by.finish();
}

/// Two connections, the second of which resumes the session of the first.
void exchanges_encrypted(bench& b) {
  http_peer peer(b, server_tls());
  client_options options = options_of(b);
  options.pool.tls = httpool::tls_client::create(client_tls_options());
  caller by(b, origin_of("https", "localhost", peer.port()), options);
  std::array<answered, 3> calls;
  by.send(calls[0], "GET", "/last");
  by.send(calls[1], "GET", "/long");
  by.send(calls[2], "POST", "/", 10);
  by.finish();
}

void exchanges_in_a_tunnel(bench& b) {
  http_peer peer(b, server_tls());
  tunnel_proxy proxy(b, peer.port());
  client_options options = options_of(b);
  options.pool.tls = httpool::tls_client::create(client_tls_options());
  std::string url("http://user:secret@127.0.0.1:");
  options.proxies.https = httpool::proxy(url.append(std::to_string(proxy.port())));
  caller by(b, origin_of("https", "localhost", peer.port()), options);
  answered call;
  by.send(call, "GET", "/");
  by.finish();
}

/// Ends each connection at its second request, and does not answer that.
class forgetful_peer {
public:
  explicit forgetful_peer(bench& in) : acceptor_(in.peers(), any_port) { accept(); }
  forgetful_peer(const forgetful_peer&) = delete;
  forgetful_peer& operator=(const forgetful_peer&) = delete;
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

private:
  struct line : std::enable_shared_from_this<line> {
    explicit line(tcp::socket accepted) : socket(std::move(accepted)) {}

    void hear() {
      socket.async_read_some(asio::buffer(room),
                             [self = shared_from_this()](error_code ec, std::size_t) {
                               if (ec || self->answers++ == 1)
                                 return self->socket.close();
                               self->say();
                             });
    }

    void say() {
      static constexpr std::string_view answer =
          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nshort";
      asio::async_write(socket, asio::buffer(answer),
                        [self = shared_from_this()](error_code, std::size_t) { self->hear(); });
    }

    tcp::socket socket;
    std::array<char, 4096> room{};
    int answers = 0;
  };

  void accept() {
    acceptor_.async_accept([this](error_code ec, tcp::socket socket) {
      if (ec)
        return;
      std::make_shared<line>(std::move(socket))->hear();
      accept();
    });
  }

  tcp::acceptor acceptor_;
};

void retry(bench& b) {
  forgetful_peer peer(b);
  caller by(b, origin_of("http", "127.0.0.1", peer.port()), options_of(b));
  std::array<answered, 2> calls;
  for (answered& each : calls)
    by.send(each, "GET", "/");
  by.finish();
}

client_options sharing_options(bench& b) {
  client_options options = options_of(b);
  options.pipeline_depth = 3;
  options.pool.max_connections = 1;
  return options;
}

/// More at once than may share the one connection, which has served before, and one that needs it
/// alone.
void pipelined(bench& b, bool on_strand) {
  http_peer peer(b);
  caller by(b, origin_of("http", "127.0.0.1", peer.port()), sharing_options(b), on_strand);
  std::array<answered, 8> calls;
  by.send(calls[0], "GET", "/");
  for (std::size_t i = 1; i != calls.size(); ++i)
    b.start(calls[i], [&](auto handler) {
      (*by).async_send(request(i == 4 ? "POST" : "GET", i == 2   ? "/long"
                                                        : i == 6 ? "/last"
                                                                 : "/"),
                       std::move(handler));
    });
  for (std::size_t i = 1; i != calls.size(); ++i) {
    b.await(calls[i], "an exchange beside others");
    by.check(calls[i]);
  }
  by.finish();
}

void pipelined(bench& b) {
  pipelined(b, false);
}

void pipelined_on_a_strand(bench& b) {
  b.tolerate_lost_handlers();
  pipelined(b, true);
}

/// The connection dies under all of them.
void pipelined_retry(bench& b) {
  forgetful_peer peer(b);
  caller by(b, origin_of("http", "127.0.0.1", peer.port()), sharing_options(b));
  std::array<answered, 4> calls;
  by.send(calls[0], "GET", "/");
  for (std::size_t i = 1; i != calls.size(); ++i)
    b.start(calls[i],
            [&](auto handler) { (*by).async_send(request("GET", "/"), std::move(handler)); });
  for (std::size_t i = 1; i != calls.size(); ++i) {
    b.await(calls[i], "an exchange beside others");
    by.check(calls[i]);
  }
  by.finish();
}

/// Exchanges under way when the client is drained.
void drain(bench& b) {
  http_peer peer(b);
  caller by(b, origin_of("http", "127.0.0.1", peer.port()), options_of(b));
  std::array<answered, 3> calls;
  drained end;
  for (answered& each : calls)
    b.start(each,
            [&](auto handler) { (*by).async_send(request("GET", "/long"), std::move(handler)); });
  end.is_begun = b.attempt([&] { (*by).async_drain(60s, reporter<nothing>(end)); });
  for (answered& each : calls) {
    b.await(each, "an exchange during a drain");
    if (each.error != httpool::error::pool_closed)
      by.check(each);
  }
  b.await(end, "the drain");
  b.check_end(end, "the drain");
  b.calm();
  (*by).close();
  b.until([&] { return (*by).pool().stats().total() == 0; }, "a drained client is empty");
  by.end();
}

} // namespace

std::vector<scenario> client_scenarios() {
  return {{"exchange", exchanges},
          {"exchange on a strand", exchanges_on_a_strand},
          {"exchange of a warm client", exchanges_of_a_warm_client},
          {"exchange by URL", exchanges_by_url},
          {"streamed response", stream},
          {"https, resumption", exchanges_encrypted},
          {"https by CONNECT", exchanges_in_a_tunnel},
          {"retry", retry},
          {"pipelining", pipelined},
          {"pipelining on a strand", pipelined_on_a_strand},
          {"pipelining, retry", pipelined_retry},
          {"client drain", drain}};
}

} // namespace torture
