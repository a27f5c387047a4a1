// One coroutine that awaits a timer: what anybody pays who includes Asio.
#include <boost/asio.hpp>

boost::asio::awaitable<void> wait(boost::asio::steady_timer& timer) {
  co_await timer.async_wait(boost::asio::use_awaitable);
}
