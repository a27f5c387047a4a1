#include "dial/resolve.hpp"

#include <httpool/error.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <memory>
#include <new>
#include <string_view>

namespace httpool::detail {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

/// What the look-up and the coroutine that waits for it share, for the look-up may end later.
struct lookup {
  explicit lookup(const asio::any_io_executor& executor)
      : resolver(executor), done(executor, asio::steady_timer::time_point::max()) {}

  tcp::resolver resolver;
  asio::steady_timer done; ///< Cancelled when the results are there.
  bool has_ended = false;
  error_code error;
  std::vector<tcp::endpoint> endpoints;
};

error_code as_ours(error_code ec) {
  if (ec == asio::error::host_not_found || ec == asio::error::host_not_found_try_again ||
      ec == asio::error::no_data || ec == asio::error::no_recovery ||
      ec == asio::error::service_not_found)
    return error::name_not_found;
  return ec;
}

} // namespace

std::string_view without_brackets(std::string_view host) noexcept {
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
    return host.substr(1, host.size() - 2);
  return host;
}

asio::awaitable<std::vector<tcp::endpoint>> resolve(std::string host, std::uint16_t port) {
  error_code not_a_literal;
  const auto literal = asio::ip::make_address(without_brackets(host), not_a_literal);
  if (!not_a_literal)
    co_return std::vector<tcp::endpoint>(1, tcp::endpoint(literal, port));

  const asio::any_io_executor strand = co_await asio::this_coro::executor;
  const auto state = std::make_shared<lookup>(strand);
  state->resolver.async_resolve(
      host, std::to_string(port), tcp::resolver::numeric_service,
      asio::bind_executor(strand, [state](error_code ec, const tcp::resolver::results_type& found) {
        state->has_ended = true;
        state->error = as_ours(ec);
        try {
          for (const auto& entry : found)
            state->endpoints.push_back(entry.endpoint());
        } catch (const std::bad_alloc&) {
          state->error = asio::error::no_memory;
        }
        state->done.cancel();
      }));
  co_await state->done.async_wait(asio::as_tuple(asio::use_awaitable));
  if (!state->has_ended) {
    state->resolver.cancel();
    throw boost::system::system_error(asio::error::operation_aborted);
  }
  if (!state->error && state->endpoints.empty())
    state->error = error::name_not_found;
  if (state->error)
    throw boost::system::system_error(state->error);
  co_return std::move(state->endpoints);
}

} // namespace httpool::detail
