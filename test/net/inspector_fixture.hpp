// An inspector on a server, and clients that take apart what it says.
#pragma once

#include "net/server_fixture.hpp"

#include <httpool/inspector.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace inspector_test {

namespace json = boost::json;
using httpool::response;
using server_test::client;
using server_test::live_server;
using namespace std::chrono_literals;

/// An inspector on a server.
struct shown {
  explicit shown(httpool::inspector_options options = {}) : inspector(std::move(options)) {}

  response ask(std::string_view target, std::string_view fields = "Host: 127.0.0.1\r\n",
               std::string_view method = "GET") {
    client c(server);
    c.send(std::string(method)
               .append(" ")
               .append(target)
               .append(" HTTP/1.1\r\n")
               .append(fields)
               .append("\r\n"));
    auto got = c.receive(method);
    BOOST_TEST_REQUIRE(got.has_value());
    return std::move(*got);
  }

  json::value report() {
    inspector.sample();
    const response got = ask("/pool.json");
    BOOST_TEST(got.fields().value("Content-Type") == "application/json");
    return json::parse(json::string_view(got.body()));
  }

  std::string page() {
    inspector.sample();
    return ask("/pool").body();
  }

  httpool::inspector inspector;
  live_server server{inspector.handler()};
};

inline std::uint64_t number(const json::value& of, std::string_view name) {
  return of.at(json::string_view(name.data(), name.size())).to_number<std::uint64_t>();
}

inline bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

inline std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + part.size()))
    ++found;
  return found;
}

/// What a page shows, without what its script makes other pools from.
inline std::string visible(const std::string& page) {
  return page.substr(0, page.find("<template"));
}

/// The events of a stream, one after the other.
class event_stream {
public:
  explicit event_stream(shown& of) : client_(of.server) {
    client_.send("GET /pool/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }

  /// The next event and its data; none at the end. Chunks are taken apart by hand.
  std::optional<std::pair<std::string, json::value>> next() {
    for (;;) {
      const std::size_t end = text_.find("\n\n");
      if (end != std::string::npos) {
        const std::string event = text_.substr(0, end);
        text_.erase(0, end + 2);
        const std::size_t name = event.find("event: ") + 7, data = event.find("\ndata: ");
        return std::pair(event.substr(name, data - name),
                         json::parse(json::string_view(event).substr(data + 7)));
      }
      if (!take_chunk())
        return std::nullopt;
    }
  }

  const std::string& head() const { return head_; }

private:
  bool read() {
    std::array<char, 4096> piece;
    boost::system::error_code ec;
    const std::size_t size = client_.socket().read_some(boost::asio::buffer(piece), ec);
    raw_.append(piece.data(), size);
    return !ec;
  }

  bool take_chunk() {
    while (head_.empty()) {
      if (const std::size_t end = raw_.find("\r\n\r\n"); end != std::string::npos) {
        head_ = raw_.substr(0, end);
        raw_.erase(0, end + 4);
      } else if (!read()) {
        return false;
      }
    }
    if (!has(head_, "chunked"))
      return false; // it was refused
    for (;;) {
      const std::size_t line = raw_.find("\r\n");
      const std::size_t size =
          line == std::string::npos ? 0 : std::stoul(raw_.substr(0, line), nullptr, 16);
      if (line != std::string::npos && size == 0)
        return false;
      if (line != std::string::npos && raw_.size() >= line + 2 + size + 2) {
        text_ += raw_.substr(line + 2, size);
        raw_.erase(0, line + 2 + size + 2);
        return true;
      }
      if (!read())
        return false;
    }
  }

  client client_;
  std::string raw_;
  std::string head_;
  std::string text_;
};

} // namespace inspector_test
