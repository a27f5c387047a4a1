// The responses that will leave in one gathered write.
#pragma once

#include "http1/serialize.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace httpool::detail {

// Heads and small bodies are laid end to end in one buffer; large bodies are moved in and stay
// where they are.
class batch {
public:
  void add(std::string_view text);

  // Returns how the body of one that is streamed is to follow, by add_piece().
  http1::body_form add(response& message, const http1::response_context& context);

  // A piece of a body that is streamed; nothing is its end.
  void add_piece(std::string_view piece, http1::body_form form, const fields& trailers);

  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  std::size_t responses() const noexcept { return responses_; }

  // Writes as much as the socket, which does not block, takes: all of it, or would_block, or
  // another error. May be called again after would_block, for the rest.
  boost::system::error_code write(boost::asio::ip::tcp::socket& socket);

  // For who writes otherwise: what is still to be written, and that so much of it has been.
  std::span<const boost::asio::const_buffer> rest();
  void wrote(std::size_t bytes) noexcept;

  // Forgets what is not written, and all but a little memory.
  void clear() noexcept;

private:
  struct body {
    std::size_t at; // of text_, before which it belongs
    std::string bytes;
  };

  void gather();

  std::string text_;
  std::vector<body> bodies_;
  std::vector<boost::asio::const_buffer> pieces_;
  std::size_t first_ = 0; // of pieces_, not yet written in full
  std::size_t size_ = 0;
  std::size_t responses_ = 0;
};

} // namespace httpool::detail
