#include "tls/tls_transport.hpp"

#include <httpool/error.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <new>

#include <openssl/bio.h>

namespace httpool::detail {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// How much memory of what was kept stays for the next time.
constexpr std::size_t kept_rest = 2 * 1024;

struct free_method {
  void operator()(BIO_METHOD* p) const noexcept { BIO_meth_free(p); }
};

} // namespace

tls_transport::tls_transport(stream& over) noexcept : plain_(over.lowest_layer()) {
  stream_access::encrypt(plain_, stream_access::release(over));
}

void tls_transport::attach(SSL* handle) {
  BIO* const bio = made(BIO_new(method())).release();
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(handle, bio, bio);
}

const BIO_METHOD* tls_transport::method() {
  static const std::unique_ptr<BIO_METHOD, free_method> known = [] {
    std::unique_ptr<BIO_METHOD, free_method> fresh(
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "httpool"));
    if (!fresh)
      throw std::bad_alloc();
    BIO_meth_set_read_ex(fresh.get(), read);
    BIO_meth_set_write_ex(fresh.get(), write);
    BIO_meth_set_ctrl(fresh.get(), control);
    return fresh;
  }();
  return known.get();
}

int tls_transport::read(BIO* bio, char* to, std::size_t size, std::size_t* got) noexcept {
  tls_transport& self = *static_cast<tls_transport*>(BIO_get_data(bio));
  error_code ec;
  BIO_clear_retry_flags(bio);
  *got = self.read_some(asio::buffer(to, size), ec);
  if (!ec)
    return 1;
  if (ec == asio::error::would_block)
    BIO_set_retry_read(bio);
  else
    self.failure_ = ec;
  return 0;
}

int tls_transport::write(BIO* bio, const char* from, std::size_t size, std::size_t* sent) noexcept {
  tls_transport& self = *static_cast<tls_transport*>(BIO_get_data(bio));
  error_code ec;
  BIO_clear_retry_flags(bio);
  self.write_or_keep(asio::buffer(from, size), ec);
  if (ec) {
    self.failure_ = ec;
    return 0;
  }
  *sent = size;
  return 1;
}

/// There is nothing to flush here, and an end is told as a failure.
long tls_transport::control(BIO*, int command, long, void*) noexcept {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

/// An end of the transport is none of what it carries (RFC 8446 §6.1).
std::size_t tls_transport::read_some(asio::mutable_buffer to, error_code& ec) noexcept {
  if (allowed_ == 0) {
    ec = beyond_;
    return 0;
  }
  const std::size_t size = below() ? below()->read_now(to, ec) : lowest_layer().read_some(to, ec);
  allowed_ -= std::min(allowed_, size);
  if (ec == asio::error::eof)
    ec = error::connection_closed;
  return size;
}

std::size_t tls_transport::write_some(asio::const_buffer from, error_code& ec) noexcept {
  return below() ? below()->write_now(&from, 1, ec) : lowest_layer().write_some(from, ec);
}

void tls_transport::write_or_keep(asio::const_buffer from, error_code& ec) noexcept try {
  while (rest_.empty() && from.size() != 0 && !ec)
    from += write_some(from, ec);
  if (ec == asio::error::would_block)
    ec = error_code();
  if (ec || from.size() == 0)
    return;
  const auto* const bytes = static_cast<const unsigned char*>(from.data());
  rest_.insert(rest_.end(), bytes, bytes + from.size());
} catch (const std::bad_alloc&) {
  ec = asio::error::no_memory;
}

void tls_transport::send_rest(error_code& ec) noexcept {
  while (sent_ != rest_.size() && !ec)
    sent_ += write_some(asio::buffer(rest_) + sent_, ec);
  if (sent_ != rest_.size())
    return;
  if (rest_.capacity() > kept_rest)
    std::vector<unsigned char>().swap(rest_);
  rest_.clear();
  sent_ = 0;
  if (below() && !ec)
    below()->send_rest(ec);
}

} // namespace httpool::detail
