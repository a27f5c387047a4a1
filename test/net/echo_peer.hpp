// An HTTP server that repeats each request's number, and tells when a given byte of the request or
// of the response has passed.
#pragma once

#include "net/scripted_peer.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <atomic>
#include <charconv>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace client_test {

/// A body that shows whose it is, at every byte: its number over and over.
struct numbered {
  explicit numbered(std::uint64_t number) : unit(std::to_string(number) + ";") {}

  std::string body(std::size_t size) const {
    std::string text;
    text.reserve(size + unit.size());
    while (text.size() < size)
      text += unit;
    text.resize(size);
    return text;
  }

  /// Whether `text` is what such a body has from `at` on.
  bool matches(std::string_view text, std::size_t at) const {
    for (std::size_t i = 0; i != text.size(); ++i)
      if (text[i] != unit[(at + i) % unit.size()])
        return false;
    return true;
  }

  const std::string unit;
};

/// A request's `X-` fields say what is wanted: `Number`, `Size` of the response's body, and after
/// how many bytes of the request's body (`Cut-Request`) or of the response (`Cut-Response`) the
/// hook is called.
class echo_peer {
public:
  using hook = std::function<void(std::uint64_t number)>;

  explicit echo_peer(hook at_byte)
      : acceptor_(context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        at_byte_(std::move(at_byte)),
        port(acceptor_.local_endpoint().port()) {
    accept();
    thread_ = std::thread([this] { context_.run(); });
  }
  echo_peer(const echo_peer&) = delete;
  echo_peer& operator=(const echo_peer&) = delete;
  ~echo_peer() {
    context_.stop();
    thread_.join();
  }

  /// Requests whose body was not their own.
  unsigned mismatched() const { return mismatched_; }

private:
  struct connection : std::enable_shared_from_this<connection> {
    connection(echo_peer& owner, tcp::socket accepted)
        : peer(owner), socket(std::move(accepted)), timer(socket.get_executor()) {
      error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
    }

    void read() {
      socket.async_read_some(asio::buffer(room),
                             [self = shared_from_this()](error_code ec, std::size_t size) {
                               if (ec)
                                 return;
                               self->heard.append(self->room.data(), size);
                               self->serve();
                             });
    }

    /// The number in a field of the request, if it has that.
    bool field(std::string_view name, std::size_t& value) const {
      const std::string_view head = std::string_view(heard).substr(0, head_size);
      const std::size_t at = head.find(name);
      if (at == std::string_view::npos)
        return false;
      std::from_chars(head.data() + at + name.size(), head.data() + head.size(), value);
      return true;
    }

    void serve() {
      if (head_size == 0) {
        const std::size_t end = heard.find("\r\n\r\n");
        if (end == std::string::npos)
          return read();
        head_size = end + 4;
        field("X-Number: ", number);
        field("X-Size: ", wanted);
        body_size = 0;
        field("Content-Length: ", body_size);
        is_cut_request = field("X-Cut-Request: ", cut);
        is_cut_response = field("X-Cut-Response: ", cut);
      }
      if (is_cut_request && heard.size() >= head_size + std::min(cut, body_size)) {
        is_cut_request = false;
        peer.at_byte_(number);
      }
      if (heard.size() < head_size + body_size)
        return read();
      const numbered own(number);
      if (heard.size() > head_size + body_size ||
          !own.matches(std::string_view(heard).substr(head_size), 0))
        ++peer.mismatched_;
      heard.clear();
      head_size = 0;
      answer = response(own);
      write(0, is_cut_response ? std::min(cut, answer.size()) : answer.size());
    }

    std::string response(const numbered& own) const {
      const std::string body = own.body(wanted);
      const std::string mark = "X-Number: " + std::to_string(number) + "\r\n";
      if (number % 3 != 0)
        return ok(body, mark);
      const std::size_t first = body.size() / 2;
      std::string text = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n" + mark +
                         "Transfer-Encoding: chunked\r\n\r\n";
      for (const std::string& part : {body.substr(0, first), body.substr(first)})
        if (!part.empty()) {
          char length[20];
          std::snprintf(length, sizeof length, "%zx\r\n", part.size());
          text.append(length).append(part).append("\r\n");
        }
      return text + "0\r\n" + mark + "\r\n";
    }

    void write(std::size_t from, std::size_t to) {
      asio::async_write(socket, asio::buffer(answer.data() + from, to - from),
                        [self = shared_from_this(), to](error_code ec, std::size_t) {
                          if (ec)
                            return;
                          if (std::exchange(self->is_cut_response, false)) {
                            self->peer.at_byte_(self->number);
                            return self->write_rest(to);
                          }
                          self->read();
                        });
    }

    /// At once or a moment later, so that a connection that should not serve again can do harm.
    void write_rest(std::size_t from) {
      if (number % 2 == 0)
        return write(from, answer.size());
      timer.expires_after(std::chrono::microseconds(number % 300));
      timer.async_wait([self = shared_from_this(), from](error_code ec) {
        if (!ec)
          self->write(from, self->answer.size());
      });
    }

    echo_peer& peer;
    tcp::socket socket;
    asio::steady_timer timer;
    std::array<char, 65536> room;
    std::string heard;
    std::string answer;
    std::size_t head_size = 0; ///< 0 until a head has come.
    std::size_t body_size = 0;
    std::size_t number = 0;
    std::size_t wanted = 0; ///< How long the response's body is to be.
    std::size_t cut = 0;
    bool is_cut_request = false;
    bool is_cut_response = false;
  };

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
  const hook at_byte_;
  std::atomic<unsigned> mismatched_ = 0;
  std::thread thread_;

public:
  const std::uint16_t port;
};

} // namespace client_test
