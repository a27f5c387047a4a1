// One coroutine that awaits an exchange.
#include <httpool/client.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

boost::asio::awaitable<unsigned> send(httpool::client& client) {
  const httpool::request question;
  const httpool::client_response answer =
      co_await client.async_send(question, boost::asio::use_awaitable);
  co_return answer.status();
}
