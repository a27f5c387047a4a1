#include "dial/tunnel_io.hpp"

#include <httpool/error.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

namespace httpool::detail {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

void check(error_code ec) {
  if (ec == asio::error::eof || ec == asio::error::connection_reset ||
      ec == asio::error::connection_aborted || ec == asio::error::broken_pipe)
    ec = error::connection_closed;
  if (ec)
    throw boost::system::system_error(ec);
}

} // namespace

asio::awaitable<void> write_all(stream& to, asio::const_buffer bytes) {
  const auto [ec, size] =
      co_await asio::async_write(to, bytes, asio::as_tuple(asio::use_awaitable));
  check(ec);
}

asio::awaitable<std::size_t> read_some(stream& from, asio::mutable_buffer room) {
  const auto [ec, size] = co_await from.async_read_some(room, asio::as_tuple(asio::use_awaitable));
  check(ec);
  co_return size;
}

asio::awaitable<void> read_all(stream& from, asio::mutable_buffer room) {
  const auto [ec, size] =
      co_await asio::async_read(from, room, asio::as_tuple(asio::use_awaitable));
  check(ec);
}

} // namespace httpool::detail
