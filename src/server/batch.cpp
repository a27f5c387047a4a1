#include "server/batch.hpp"

#include <boost/asio/error.hpp>

#include <utility>

namespace httpool::detail {
namespace {

// Below this, copying a body costs less than another piece of a gathered write.
constexpr std::size_t large_body = 8 * 1024;
constexpr std::size_t kept_memory = 16 * 1024;

} // namespace

void batch::add(std::string_view text) {
  text_.append(text);
  size_ += text.size();
}

http1::body_form batch::add(response& message, const http1::response_context& context) {
  const std::size_t before = text_.size();
  const http1::body_form form = http1::append_head(text_, message, context);
  if (context.is_streamed) {
    size_ += text_.size() - before;
    ++responses_;
    return form;
  }
  const std::size_t length = form == http1::body_form::none ? 0 : message.body().size();
  if (form == http1::body_form::chunked && length > 0)
    http1::append_chunk_size(text_, length);
  if (length >= large_body) {
    bodies_.push_back({text_.size(), std::move(message.body())});
    size_ += length;
  } else if (length > 0) {
    text_.append(message.body());
  }
  if (form == http1::body_form::chunked)
    http1::append_last_chunk(text_, length, message.trailers());
  size_ += text_.size() - before;
  ++responses_;
  return form;
}

void batch::add_piece(std::string_view piece, http1::body_form form, const fields& trailers) {
  const std::size_t before = text_.size();
  if (form == http1::body_form::plain) {
    text_.append(piece);
  } else if (piece.empty()) {
    http1::append_last_chunk(text_, 0, trailers);
  } else {
    http1::append_chunk_size(text_, piece.size());
    text_.append(piece).append("\r\n");
  }
  size_ += text_.size() - before;
}

void batch::gather() {
  std::size_t from = 0;
  const auto add_text = [&](std::size_t to) {
    if (to > from)
      pieces_.emplace_back(text_.data() + from, to - from);
    from = to;
  };
  for (const body& each : bodies_) {
    add_text(each.at);
    pieces_.emplace_back(each.bytes.data(), each.bytes.size());
  }
  add_text(text_.size());
}

boost::system::error_code batch::write(boost::asio::ip::tcp::socket& socket) {
  boost::system::error_code ec;
  while (!empty()) {
    const std::size_t written = socket.write_some(rest(), ec);
    if (ec)
      return ec;
    wrote(written);
  }
  return ec;
}

std::span<const boost::asio::const_buffer> batch::rest() {
  if (pieces_.empty())
    gather();
  return std::span(pieces_).subspan(first_);
}

void batch::wrote(std::size_t bytes) noexcept {
  while (first_ < pieces_.size() && bytes >= pieces_[first_].size())
    bytes -= pieces_[first_++].size();
  if (first_ == pieces_.size())
    clear();
  else
    pieces_[first_] += bytes;
}

void batch::clear() noexcept {
  text_.clear();
  if (text_.capacity() > kept_memory)
    text_.shrink_to_fit();
  bodies_.clear();
  pieces_.clear();
  first_ = 0;
  size_ = 0;
  responses_ = 0;
}

} // namespace httpool::detail
