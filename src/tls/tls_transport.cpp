#include "tls/tls_transport.hpp"

#include <httpool/error.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include <openssl/bio.h>

namespace httpool::detail {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// How much is kept for a peer that takes nothing. A flight of the handshake has a chain of
/// certificates, which may be long. Answers to requests for new keys are short, but have no end.
constexpr std::size_t most_kept = 128 * 1024;

/// What a read of another layer takes of the allowance, however little it gives: that may be all
/// there is in many records.
constexpr std::size_t cost_below = 1024;

/// How much memory is left to a connection for what it keeps.
constexpr std::size_t kept_memory = 2 * 1024;

void empty(std::vector<unsigned char>& bytes) noexcept {
  if (bytes.capacity() > kept_memory)
    std::vector<unsigned char>().swap(bytes);
  bytes.clear();
}

} // namespace

/// OpenSSL's way to a transport.
struct tls_bio {
  static int read(BIO* bio, char* to, int size) noexcept {
    BIO_clear_retry_flags(bio);
    tls_transport& of = *static_cast<tls_transport*>(BIO_get_data(bio));
    error_code ec;
    std::size_t count = 0;
    try {
      count = of.read(asio::buffer(to, static_cast<std::size_t>(size)), ec);
    } catch (const std::bad_alloc&) {
      ec = asio::error::no_memory;
    }
    if (!ec)
      return static_cast<int>(count);
    if (ec == asio::error::would_block)
      BIO_set_retry_read(bio);
    else
      of.read_error_ = ec;
    return -1;
  }

  static int write(BIO* bio, const char* from, int size) noexcept {
    tls_transport& of = *static_cast<tls_transport*>(BIO_get_data(bio));
    of.write(asio::buffer(from, static_cast<std::size_t>(size)));
    return size;
  }

  static long control(BIO*, int what, long, void*) noexcept { return what == BIO_CTRL_FLUSH; }

  /// Never freed: connections may outlive what is static.
  static const BIO_METHOD* method() {
    static const BIO_METHOD* const made = [] {
      BIO_METHOD* const method =
          BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "httpool transport");
      if (!method)
        throw std::bad_alloc();
      BIO_meth_set_read(method, read);
      BIO_meth_set_write(method, write);
      BIO_meth_set_ctrl(method, control);
      return method;
    }();
    return made;
  }
};

tls_transport::tls_transport(stream& over) noexcept : plain_(over.lowest_layer()) {
  stream_access::encrypt(plain_, stream_access::release(over));
}

owned<BIO> tls_transport::make_bio() {
  owned<BIO> bio = made(BIO_new(tls_bio::method()));
  BIO_set_data(bio.get(), this);
  BIO_set_init(bio.get(), 1);
  return bio;
}

void tls_transport::give_back_memory() noexcept {
  if (first_ == last_ && !is_filling_)
    input_.reset();
  if (kept_.empty())
    std::vector<unsigned char>().swap(kept_);
  if (sending_.empty())
    std::vector<unsigned char>().swap(sending_);
  if (below())
    below()->give_back_memory();
}

// Input -------------------------------------------------------------------------------------------

void tls_transport::allow(std::size_t bytes) noexcept {
  allowed_ = bytes;
  read_error_.clear();
}

void tls_transport::make_input() {
  if (!input_)
    input_.reset(new unsigned char[input_size]); // not zeroed, as by make_unique
}

void tls_transport::filled(std::size_t size) noexcept {
  is_filling_ = false;
  first_ = 0;
  last_ = size;
}

/// Without waiting. The rest of a large record goes where OpenSSL wants it, and what follows it
/// into the input, as does what is small.
std::size_t tls_transport::read(asio::mutable_buffer to, error_code& ec) {
  if (first_ == last_) {
    if (is_filling_ || allowed_ == 0) {
      ec = asio::error::would_block;
      return 0;
    }
    make_input();
    const asio::mutable_buffer input = asio::buffer(input_.get(), input_size);
    const bool is_direct = to.size() >= input_size;
    std::size_t count = 0;
    std::size_t cost = 0;
    if (below()) {
      count = below()->read_now(is_direct ? to : input, ec);
      cost = cost_below;
    } else if (is_direct) {
      count = plain_.lowest_layer().read_some(std::array{to, input}, ec);
    } else {
      count = plain_.lowest_layer().read_some(input, ec);
    }
    if (ec)
      return 0;
    allowed_ -= std::min(allowed_, std::max(count, cost));
    const std::size_t there = is_direct ? std::min(count, to.size()) : 0;
    filled(count - there);
    if (is_direct)
      return there;
  }
  const std::size_t count = asio::buffer_copy(to, asio::buffer(input_.get(), last_) + first_);
  first_ += count;
  return count;
}

// Output ------------------------------------------------------------------------------------------

/// Without waiting. What is below takes a record at a time.
std::size_t tls_transport::write_some(asio::const_buffer from, error_code& ec) {
  if (!below())
    return plain_.lowest_layer().write_some(from, ec);
  std::size_t size = 0;
  while (size != from.size() && !ec && !below()->has_unsent()) {
    const asio::const_buffer rest = from + size;
    size += below()->write_now(&rest, 1, ec);
  }
  return size;
}

/// Takes all of it, whatever becomes of it.
void tls_transport::write(asio::const_buffer from) noexcept try {
  if (write_error_)
    return;
  error_code ec;
  if (!is_corked_ && !has_unsent())
    from += write_some(from, ec);
  if (ec && ec != asio::error::would_block)
    return fail_writing(ec);
  if (kept_.size() + from.size() > most_kept)
    return fail_writing(error::protocol_error);
  const auto* const bytes = static_cast<const unsigned char*>(from.data());
  kept_.insert(kept_.end(), bytes, bytes + from.size());
} catch (const std::bad_alloc&) {
  fail_writing(asio::error::no_memory);
}

void tls_transport::cork(bool is_on) noexcept try {
  if (!std::exchange(is_corked_, is_on) || is_on || is_sending_)
    return;
  error_code ec;
  while (!ec && !(kept_.empty() && sending_.empty()) && !(below() && below()->has_unsent()))
    took(write_some(next_to_send(), ec));
  if (ec && ec != asio::error::would_block)
    fail_writing(ec);
} catch (const std::bad_alloc&) {
  fail_writing(asio::error::no_memory);
}

asio::const_buffer tls_transport::next_to_send() noexcept {
  if (sending_.empty())
    sending_.swap(kept_);
  return asio::buffer(sending_) + sent_;
}

void tls_transport::sent(const error_code& ec, std::size_t size) noexcept {
  is_sending_ = false;
  took(size);
  if (ec)
    fail_writing(ec);
}

void tls_transport::took(std::size_t size) noexcept {
  sent_ += size;
  if (sent_ != sending_.size())
    return;
  empty(sending_);
  sent_ = 0;
}

/// What follows half a record would be taken for its rest.
void tls_transport::fail_writing(const error_code& ec) noexcept {
  write_error_ = ec;
  empty(kept_);
  if (is_sending_) // what is pending refers to it
    return;
  empty(sending_);
  sent_ = 0;
}

} // namespace httpool::detail
