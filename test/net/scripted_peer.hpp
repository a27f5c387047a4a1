// An HTTP server that does what a test's script says, byte by byte: good, odd and broken ones.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace client_test {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

/// A whole response with a length.
inline std::string ok(const std::string& body = "hi", const std::string& more_fields = "") {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         more_fields + "\r\n" + body;
}

/// The size of the first request, or of its head, in `text`; `npos` if more of it is to come.
inline std::size_t request_size(const std::string& text, bool head_alone) {
  const std::size_t head = text.find("\r\n\r\n");
  if (head == std::string::npos)
    return head;
  const std::size_t body = head + 4;
  if (head_alone)
    return body;
  if (text.find("\r\nTransfer-Encoding: chunked\r\n") < head) {
    const std::size_t last = text.find("\r\n0\r\n", head + 2);
    const std::size_t end = last == std::string::npos ? last : text.find("\r\n\r\n", last);
    return end == std::string::npos ? end : end + 4;
  }
  const std::string length = "\r\nContent-Length: ";
  const std::size_t field = text.find(length);
  const std::size_t size =
      field < head ? body + std::stoul(text.substr(field + length.size())) : body;
  return text.size() < size ? std::string::npos : size;
}

/// What one connection does. When it is through, it reads until the client ends the connection.
class script {
public:
  enum class kind {
    hear,
    hear_head,
    hear_bytes,
    echo,
    say,
    reply,
    trickle,
    pause,
    finish,
    close,
    reset,
    stall
  };
  using replier = std::function<std::string(const std::string& request)>;
  struct step {
    kind what;
    std::string text = {};
    replier reply = {};
    std::size_t size = 0;
  };

  /// Waits for a whole request.
  script hears() && { return add({kind::hear}); }
  /// Waits for the head of a request.
  script hears_head() && { return add({kind::hear_head}); }
  /// Waits for so many bytes.
  script hears_bytes(std::size_t size) && { return add({kind::hear_bytes, {}, {}, size}); }
  /// Sends back what it hears, until that ends like a chunked body.
  script echoes_chunks() && { return add({kind::echo}); }
  script says(std::string text) && { return add({kind::say, std::move(text)}); }
  /// Says what `reply` makes of the latest request.
  script replies(replier reply) && { return add({kind::reply, {}, std::move(reply)}); }
  /// Says it one byte at a time.
  script trickles(std::string text) && { return add({kind::trickle, std::move(text)}); }
  /// Hears a request and says that.
  script answers(std::string text) && { return std::move(*this).hears().says(std::move(text)); }
  /// Waits for `scripted_peer::go_on`.
  script pauses() && { return add({kind::pause}); }
  /// Ends its sending side alone.
  script finishes() && { return add({kind::finish}); }
  script closes() && { return add({kind::close}); }
  script resets() && { return add({kind::reset}); }
  /// Neither reads nor writes any more.
  script stalls() && { return add({kind::stall}); }
  /// Begins again, for ever.
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

/// Plays its first script to the first connection, the second to the second, and so on; the last
/// one to all others.
class scripted_peer {
public:
  scripted_peer(asio::io_context& context, std::vector<script> scripts,
                asio::ip::address_v4 listen_at = asio::ip::address_v4::loopback())
      : acceptor_(context, tcp::endpoint(listen_at, 0)),
        scripts_(std::move(scripts)),
        port(acceptor_.local_endpoint().port()) {
    accept();
  }

  scripted_peer(const scripted_peer&) = delete;
  scripted_peer& operator=(const scripted_peer&) = delete;
  ~scripted_peer() {
    refuse();
    for (const auto& c : connections_)
      c->close();
  }

  std::size_t accepted() const { return accepted_; }

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

  /// Bytes that have come and that no step has asked for.
  std::size_t unheard(std::size_t which) const { return connections_.at(which)->unread.size(); }

  /// Ends a connection now, without having read what there is to read.
  void reset(std::size_t which) { connections_.at(which)->reset(); }

  /// Forgets the connections that have ended, and the requests.
  void forget() {
    std::erase_if(connections_, [](const auto& c) { return c->has_ended; });
    heard.clear();
  }

  /// Listens no more.
  void refuse() {
    error_code ignored;
    acceptor_.close(ignored);
  }

private:
  struct connection : std::enable_shared_from_this<connection> {
    connection(scripted_peer& owner, tcp::socket accepted, const script& lines)
        : peer(owner), socket(std::move(accepted)), plan(lines) {
      socket.set_option(tcp::no_delay(true));
    }

    void next() {
      if (has_ended)
        return;
      if (position == plan.steps.size()) {
        if (!plan.is_endless)
          return read_to_the_end();
        position = 0;
      }
      const script::step& now = plan.steps[position++];
      switch (now.what) {
      case script::kind::hear:
        return hear(false);
      case script::kind::hear_head:
        return hear(true);
      case script::kind::hear_bytes:
        return hear_bytes(now.size);
      case script::kind::echo:
        return echo();
      case script::kind::say:
        return say(now.text);
      case script::kind::reply:
        return say(now.reply(peer.heard.back()));
      case script::kind::trickle:
        return trickle(now.text, 0);
      case script::kind::pause:
        is_paused = true;
        return;
      case script::kind::finish: {
        error_code ignored;
        socket.shutdown(tcp::socket::shutdown_send, ignored);
        return next();
      }
      case script::kind::close:
        return close();
      case script::kind::reset:
        return reset();
      case script::kind::stall:
        return;
      }
    }

    /// Takes a request out of what was read, or reads more.
    void hear(bool head_alone) {
      const std::size_t size = request_size(unread, head_alone);
      if (size == std::string::npos)
        return read([this, head_alone] { hear(head_alone); });
      peer.heard.push_back(unread.substr(0, size));
      unread.erase(0, size);
      next();
    }

    void hear_bytes(std::size_t size) {
      if (unread.size() < size)
        return read([this, size] { hear_bytes(size); });
      peer.heard.push_back(unread.substr(0, size));
      unread.erase(0, size);
      next();
    }

    void echo() {
      const std::string text = std::exchange(unread, std::string());
      asio::async_write(socket, asio::buffer(sending = text),
                        [self = shared_from_this()](error_code ec, std::size_t) {
                          if (ec)
                            return self->close();
                          if (self->sending.ends_with("\r\n0\r\n\r\n"))
                            return self->next();
                          self->read([raw = self.get()] { raw->echo(); });
                        });
    }

    template <class Then>
    void read(Then then) {
      socket.async_read_some(asio::buffer(chunk),
                             [self = shared_from_this(), then](error_code ec, std::size_t size) {
                               if (ec || self->has_ended)
                                 return self->close();
                               self->unread.append(self->chunk.data(), size);
                               then();
                             });
    }

    void read_to_the_end() {
      read([this] { read_to_the_end(); });
    }

    void say(std::string text) {
      const auto kept = std::make_shared<std::string>(std::move(text));
      asio::async_write(socket, asio::buffer(*kept),
                        [self = shared_from_this(), kept](error_code ec, std::size_t) {
                          ec ? self->close() : self->next();
                        });
    }

    /// The turns of the loop between two bytes let the client read the first.
    void trickle(const std::string& text, std::size_t from, int turns = 0) {
      if (from == text.size())
        return next();
      if (turns == 0 && asio::write(socket, asio::buffer(text.data() + from, 1), failure) == 0)
        return close();
      asio::post(socket.get_executor(), [self = shared_from_this(), &text, from, turns] {
        const bool is_over = turns == 3;
        self->trickle(text, is_over ? from + 1 : from, is_over ? 0 : turns + 1);
      });
    }

    void close() {
      has_ended = true;
      socket.close(failure);
    }

    void reset() {
      socket.set_option(tcp::socket::linger(true, 0), failure);
      close();
    }

    scripted_peer& peer;
    tcp::socket socket;
    const script plan;
    std::size_t position = 0;
    std::array<char, 65536> chunk;
    std::string unread;
    std::string sending;
    error_code failure;
    bool is_paused = false;
    bool has_ended = false;
  };

  void accept() {
    acceptor_.async_accept([this](error_code ec, tcp::socket socket) {
      if (ec)
        return;
      const script& plan = scripts_[std::min(accepted_++, scripts_.size() - 1)];
      connections_.push_back(std::make_shared<connection>(*this, std::move(socket), plan));
      connections_.back()->next();
      accept();
    });
  }

  tcp::acceptor acceptor_;
  const std::vector<script> scripts_;
  std::size_t accepted_ = 0;
  std::vector<std::shared_ptr<connection>> connections_;

public:
  const std::uint16_t port;
  std::vector<std::string> heard; ///< The requests, in the order in which they came.
};

} // namespace client_test
