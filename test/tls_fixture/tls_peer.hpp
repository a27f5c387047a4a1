// An HTTPS server that does what a test's script says, step by step: good, odd and broken ones.
#pragma once

#include "net/scripted_peer.hpp"
#include "tls_fixture/tls_engine.hpp"

#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace httpool_test::tls {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

/// What one connection does. When it is through, it reads until the client ends the connection.
class script {
public:
  struct step;
  using replier = std::function<std::string(const std::string& request)>;
  /// What to do now, given that the client has sent nothing that was not heard.
  using chooser = std::function<step(bool is_quiet)>;
  using timing = std::function<std::chrono::microseconds()>;
  enum class kind {
    handshake,
    hear_wire,
    hear,
    hear_head,
    hear_bytes,
    echo,
    prepare,
    say,
    say_plainly,
    reply,
    prepare_ticket,
    part,
    ticket,
    key_update,
    end,
    finish,
    close,
    reset,
    pause,
    wait,
    choose,
    stall,
    nothing
  };
  struct step {
    kind what = kind::nothing;
    std::string text = {};
    std::size_t size = 0;
    replier reply = {};
    chooser choice = {};
    timing delay = {};
    unsigned times = 1;
  };

  script handshakes() && { return add({kind::handshake}); }
  /// Reads what it does not understand, for ever.
  script hears_wire() && { return add({kind::hear_wire}); }
  /// Waits for a whole request.
  script hears() && { return add({kind::hear}); }
  /// Waits for the head of a request.
  script hears_head() && { return add({kind::hear_head}); }
  script hears_bytes(std::size_t size) && { return add({kind::hear_bytes, {}, size}); }
  /// Sends back what it hears, until that ends like a chunked body.
  script echoes_chunks() && { return add({kind::echo}); }
  /// Says it together with what comes next, in a record of its own.
  script prepares(std::string text) && { return add({kind::prepare, std::move(text)}); }
  script says(std::string text) && { return add({kind::say, std::move(text)}); }
  /// Without encryption.
  script says_plainly(std::string text) && { return add({kind::say_plainly, std::move(text)}); }
  /// Says what `reply` makes of the latest request.
  script replies(replier reply) && { return add({kind::reply, {}, 0, std::move(reply)}); }
  /// Hears a request and says that.
  script answers(std::string text) && { return std::move(*this).hears().says(std::move(text)); }
  /// A session ticket of TLS 1.3, with what is said next,
  script prepares_ticket() && { return add({kind::prepare_ticket}); }
  /// or at once.
  script sends_ticket() && { return add({kind::ticket}); }
  /// So many bytes of what has been prepared; the others go with what comes next.
  script sends_part(std::size_t size) && { return add({kind::part, {}, size}); }
  script updates_keys(bool is_requested) && { return add({kind::key_update, {}, is_requested}); }
  /// The latest step, a ticket or a key update, so often, and all of it at a stretch.
  script times(unsigned count) && {
    steps.back().times = count;
    return std::move(*this);
  }
  /// close_notify, and nothing else.
  script says_end() && { return add({kind::end}); }
  /// Ends the sending side of the transport alone.
  script finishes() && { return add({kind::finish}); }
  /// Closes the transport, without close_notify.
  script closes() && { return add({kind::close}); }
  script resets() && { return add({kind::reset}); }
  /// Waits for `tls_peer::go_on`.
  script pauses() && { return add({kind::pause}); }
  script waits(timing delay) && { return add({kind::wait, {}, 0, {}, {}, std::move(delay)}); }
  /// Takes the step that `choice` returns.
  script chooses(chooser choice) && { return add({kind::choose, {}, 0, {}, std::move(choice)}); }
  /// Neither reads nor writes any more.
  script stalls() && { return add({kind::stall}); }
  /// Begins again after the handshake, for ever.
  script repeats() && {
    is_endless = true;
    return std::move(*this);
  }

  std::vector<step> steps;
  bool is_endless = false;

private:
  script add(step next) {
    steps.push_back(std::move(next));
    return std::move(*this);
  }
};

/// A server that answers each request with `response`.
inline script serves(std::string response = client_test::ok()) {
  return script().handshakes().answers(std::move(response)).repeats();
}

/// Plays its first script to the first connection, the second to the second, and so on; the last
/// one to all others. The counts can be read from any thread, all else by the context's own.
class tls_peer {
public:
  tls_peer(asio::io_context& context, server_options options, std::vector<script> scripts)
      : tls_(std::move(options)),
        acceptor_(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        scripts_(std::move(scripts)),
        port(acceptor_.local_endpoint().port()) {
    accept();
  }
  tls_peer(const tls_peer&) = delete;
  tls_peer& operator=(const tls_peer&) = delete;
  ~tls_peer() {
    error_code ignored;
    acceptor_.close(ignored);
    for (const auto& c : connections_)
      c->close();
  }

  /// Connections that neither side has ended.
  std::size_t open() const {
    std::size_t count = 0;
    for (const auto& c : connections_)
      count += !c->has_ended;
    return count;
  }
  bool has_ended(std::size_t which) const { return connections_.at(which)->has_ended; }
  bool is_paused(std::size_t which) const {
    return which < connections_.size() && connections_[which]->is_paused;
  }
  void go_on(std::size_t which) {
    connections_.at(which)->is_paused = false;
    connections_[which]->next();
  }
  void forget() {
    std::erase_if(connections_, [](const auto& c) { return c->has_ended; });
    heard.clear();
  }

private:
  struct connection : std::enable_shared_from_this<connection> {
    connection(tls_peer& owner, tcp::socket accepted, const script& lines)
        : peer(owner),
          socket(std::move(accepted)),
          timer(socket.get_executor()),
          plan(lines),
          tls(owner.tls_) {
      socket.set_option(tcp::no_delay(true));
    }

    void next() {
      if (has_ended)
        return;
      if (position == plan.steps.size()) {
        if (!plan.is_endless)
          return read_to_the_end();
        position = 1;
      }
      take(plan.steps[position++]);
    }

    void take(const script::step& now) {
      using kind = script::kind;
      switch (now.what) {
      case kind::handshake:
        return handshake();
      case kind::hear_wire:
        return drain();
      case kind::hear:
        return hear(false);
      case kind::hear_head:
        return hear(true);
      case kind::hear_bytes:
        return hear_bytes(now.size);
      case kind::echo:
        return echo();
      case kind::prepare:
        tls.write(now.text);
        return next();
      case kind::say:
        tls.write(now.text);
        return flush();
      case kind::say_plainly:
        return send(now.text);
      case kind::reply:
        tls.write(now.reply(peer.heard.back()));
        return flush();
      case kind::prepare_ticket:
        tls.send_ticket();
        return next();
      case kind::part:
        return send(tls.take(now.size));
      case kind::ticket:
        for (unsigned i = 0; i != now.times; ++i)
          tls.send_ticket();
        return flush();
      case kind::key_update:
        for (unsigned i = 0; i != now.times; ++i)
          tls.update_keys(now.size == 1);
        return flush();
      case kind::end:
        tls.say_end();
        return flush();
      case kind::finish:
        socket.shutdown(tcp::socket::shutdown_send, failure);
        return next();
      case kind::close:
        return close();
      case kind::reset:
        socket.set_option(tcp::socket::linger(true, 0), failure);
        return close();
      case kind::pause:
        is_paused = true;
        return;
      case kind::wait:
        timer.expires_after(now.delay());
        return timer.async_wait([self = shared_from_this()](error_code) { self->next(); });
      case kind::choose:
        return take(now.choice(unread.empty() && socket.available(failure) == 0));
      case kind::stall:
        return;
      case kind::nothing:
        return next();
      }
    }

    void handshake() {
      switch (tls.handshake()) {
      case progress::done:
        ++(tls.is_resumed() ? peer.resumptions : peer.full_handshakes);
        peer.server_names.push_back(tls.server_name());
        peer.client_names.push_back(tls.client_name());
        return flush();
      case progress::wants_more:
        return flush([this] { read_wire([this] { handshake(); }); });
      default:
        ++peer.failed_handshakes;
        // The rest is read, so that the transport does not take the alert back.
        return flush([this] {
          socket.shutdown(tcp::socket::shutdown_send, failure);
          drain();
        });
      }
    }

    void drain() {
      read_wire([this] { drain(); });
    }

    void hear(bool head_alone) {
      const std::size_t size = client_test::request_size(unread, head_alone);
      if (size == std::string::npos)
        return read([this, head_alone] { hear(head_alone); });
      keep(size);
    }

    void hear_bytes(std::size_t size) {
      if (unread.size() < size)
        return read([this, size] { hear_bytes(size); });
      keep(size);
    }

    void keep(std::size_t size) {
      if (!peer.keeps_requests)
        peer.heard.clear();
      peer.heard.push_back(unread.substr(0, size));
      unread.erase(0, size);
      next();
    }

    void echo() {
      const std::string text = std::exchange(unread, std::string());
      tls.write(text);
      if (text.ends_with("\r\n0\r\n\r\n"))
        return flush();
      flush([this] { read([this] { echo(); }); });
    }

    /// Reads some application data, or more.
    template <class Then>
    void read(Then then) {
      const std::size_t before = unread.size();
      const progress result = tls.read(unread);
      const std::size_t size = unread.size() - before;
      peer.application_bytes += size;
      if (size != 0)
        return flush(then);
      if (result == progress::wants_more)
        return flush([this, then] { read_wire([this, then] { read(then); }); });
      if (result == progress::ended)
        ++peer.ends_heard;
      close();
    }

    void read_to_the_end() {
      read([this] { read_to_the_end(); });
    }

    template <class Then>
    void read_wire(Then then) {
      socket.async_read_some(asio::buffer(chunk),
                             [self = shared_from_this(), then](error_code ec, std::size_t size) {
                               if (self->has_ended)
                                 return;
                               if (ec) {
                                 self->peer.truncations += ec == asio::error::eof;
                                 return self->close();
                               }
                               self->peer.wire_bytes += size;
                               self->tls.feed({self->chunk.data(), size});
                               then();
                             });
    }

    /// Sends what TLS has to say.
    void flush() {
      flush([this] { next(); });
    }
    template <class Then>
    void flush(Then then) {
      send(tls.take(), then);
    }
    void send(std::string bytes) {
      send(std::move(bytes), [this] { next(); });
    }
    template <class Then>
    void send(std::string bytes, Then then) {
      if (bytes.empty())
        return then();
      const auto kept = std::make_shared<std::string>(std::move(bytes));
      asio::async_write(socket, asio::buffer(*kept),
                        [self = shared_from_this(), kept, then](error_code ec, std::size_t) {
                          ec || self->has_ended ? self->close() : then();
                        });
    }

    void close() {
      has_ended = true;
      timer.cancel();
      socket.close(failure);
    }

    tls_peer& peer;
    tcp::socket socket;
    asio::steady_timer timer;
    const script plan;
    engine tls;
    std::size_t position = 0;
    std::array<char, 16'384> chunk;
    std::string unread;
    error_code failure;
    bool is_paused = false;
    bool has_ended = false;
  };

  void accept() {
    acceptor_.async_accept([this](error_code ec, tcp::socket socket) {
      if (ec)
        return;
      if (!keeps_requests)
        std::erase_if(connections_, [](const auto& c) { return c->has_ended; });
      const script& plan = scripts_[std::min<std::size_t>(accepted++, scripts_.size() - 1)];
      connections_.push_back(std::make_shared<connection>(*this, std::move(socket), plan));
      connections_.back()->next();
      accept();
    });
  }

  const server_context tls_;
  tcp::acceptor acceptor_;
  const std::vector<script> scripts_;
  std::vector<std::shared_ptr<connection>> connections_;

public:
  const std::uint16_t port;
  bool keeps_requests = true; ///< False for long runs: the latest alone, and what has ended goes.
  std::vector<std::string> heard;        ///< The requests, in the order in which they came.
  std::vector<std::string> server_names; ///< Of each handshake.
  std::vector<std::string> client_names;
  std::atomic<std::size_t> accepted = 0;
  std::atomic<std::size_t> full_handshakes = 0;
  std::atomic<std::size_t> resumptions = 0;
  std::atomic<std::size_t> failed_handshakes = 0;
  std::atomic<std::size_t> wire_bytes = 0; ///< As they come over the transport.
  std::atomic<std::size_t> application_bytes = 0;
  std::atomic<std::size_t> ends_heard = 0;  ///< Of connections that the client ended as it should.
  std::atomic<std::size_t> truncations = 0; ///< And of those that it just closed.
};

} // namespace httpool_test::tls
