#include "tls/secure_stream.hpp"

namespace httpool {

ssl_st* stream::tls_handle() const noexcept {
  return secure_ ? secure_->native_handle() : nullptr;
}

namespace detail {

void delete_secure_stream::operator()(secure_stream* stream) const noexcept {
  delete stream;
}

void secure_read_some(secure_stream& stream, boost::asio::mutable_buffer buffer,
                      io_handler handler) {
  stream.read_some(buffer, std::move(handler));
}

void secure_write_some(secure_stream& stream, const boost::asio::const_buffer* buffers,
                       std::size_t count, io_handler handler) {
  stream.write_some(buffers, count, std::move(handler));
}

} // namespace detail

} // namespace httpool
