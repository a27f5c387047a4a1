// What the tests of bodies that come or go piece by piece share.
#pragma once

#include "net/client_fixture.hpp"

#include <cstddef>
#include <string>
#include <utility>

namespace client_test {

using httpool::body_source;
using httpool::response_stream;

struct opened {
  bool is_done = false;
  error_code error;
  response_stream stream;
};

struct stream_loop : loop {
  opened open(client& sender, request message, send_options options = {}, body_source body = {}) {
    opened result;
    sender.async_open(std::move(message), std::move(body), options,
                      [&](error_code ec, response_stream stream) {
                        result.error = ec;
                        result.stream = std::move(stream);
                        result.is_done = true;
                      });
    BOOST_TEST_REQUIRE(until([&] { return result.is_done; }));
    return result;
  }

  struct piece {
    error_code error;
    std::string text;
  };

  piece read(response_stream& stream, std::size_t size) {
    std::string room(size, '?');
    bool is_done = false;
    piece result;
    stream.async_read_some(asio::buffer(room), [&](error_code ec, std::size_t got) {
      result.error = ec;
      room.resize(got);
      is_done = true;
    });
    BOOST_TEST_REQUIRE(until([&] { return is_done; }));
    result.text = room;
    return result;
  }

  /// Reads to the end, which must be one.
  piece read_all(response_stream& stream, std::size_t size) {
    piece all;
    for (;;) {
      const piece next = read(stream, size);
      all.text += next.text;
      all.error = next.error;
      if (next.error)
        return all;
    }
  }
};

inline std::string letters(std::size_t size) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i != size; ++i)
    text[i] = static_cast<char>('a' + i * 7 % 26);
  return text;
}

} // namespace client_test
