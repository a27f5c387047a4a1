#include "dial/resolve.hpp"

#include "wakeable_timer.hpp"

#include <httpool/error.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <memory>
#include <mutex>
#include <new>
#include <string_view>
#include <utility>

namespace httpool::detail {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

error_code as_ours(error_code ec) {
  if (ec == asio::error::host_not_found || ec == asio::error::host_not_found_try_again ||
      ec == asio::error::no_data || ec == asio::error::no_recovery ||
      ec == asio::error::service_not_found)
    return error::name_not_found;
  return ec;
}

/// What the look-up and the coroutine that waits for it share, for the look-up may end later.
class lookup {
public:
  explicit lookup(const asio::any_io_executor& executor) : resolver(executor), done_(executor) {}

  tcp::resolver resolver;

  void end(error_code ec, const tcp::resolver::results_type& found) noexcept {
    {
      const std::lock_guard lock(mutex_);
      has_ended_ = true;
      error_ = as_ours(ec);
      try {
        for (const auto& entry : found)
          endpoints_.push_back(entry.endpoint());
      } catch (const std::bad_alloc&) {
        error_ = asio::error::no_memory;
      }
      if (!error_ && endpoints_.empty())
        error_ = error::name_not_found;
    }
    done_.wake();
  }

  asio::awaitable<void> wait() { return done_.wait(); }

  /// What was found, or why nothing was.
  std::vector<tcp::endpoint> take() {
    const std::lock_guard lock(mutex_);
    if (!has_ended_) {
      resolver.cancel();
      throw boost::system::system_error(asio::error::operation_aborted);
    }
    if (error_)
      throw boost::system::system_error(error_);
    return std::move(endpoints_);
  }

private:
  std::mutex mutex_;
  bool has_ended_ = false;
  error_code error_;
  std::vector<tcp::endpoint> endpoints_;
  wakeable_timer done_;
};

/// Ends the look-up, also when the system's answer is lost for want of memory: Asio takes some for
/// a copy of it and drops the handler, on whatever thread, when there is none.
class lookup_end {
public:
  explicit lookup_end(std::shared_ptr<lookup> of) noexcept : of_(std::move(of)) {}
  lookup_end(lookup_end&&) noexcept = default;
  lookup_end& operator=(lookup_end&&) = delete;

  ~lookup_end() {
    if (of_)
      of_->end(asio::error::no_memory, {});
  }

  void operator()(error_code ec, const tcp::resolver::results_type& found) {
    std::exchange(of_, nullptr)->end(ec, found);
  }

private:
  std::shared_ptr<lookup> of_;
};

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
  state->resolver.async_resolve(host, std::to_string(port), tcp::resolver::numeric_service,
                                asio::bind_executor(strand, lookup_end(state)));
  co_await state->wait();
  co_return state->take();
}

} // namespace httpool::detail
