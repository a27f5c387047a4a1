// One coroutine that awaits a connection.
#include <httpool/connection_pool.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

boost::asio::awaitable<void> acquire(httpool::connection_pool& pool) {
  httpool::lease lease = co_await pool.async_acquire(boost::asio::use_awaitable);
  lease.keep_alive(true);
}
