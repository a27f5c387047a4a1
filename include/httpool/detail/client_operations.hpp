/// \file
/// The operations of a client that wait inside it.
#pragma once

#include <httpool/client_response.hpp>
#include <httpool/detail/cancellable.hpp>
#include <httpool/request.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_type.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

namespace httpool {

/// What one `async_send` may have otherwise than the client's options say.
struct send_options {
  /// Replaces `client_options::exchange_timeout` for this call.
  std::optional<std::chrono::nanoseconds> timeout = {};
};

namespace detail {

class client_core;
class exchange;

/// An `async_send` under way.
struct send_operation : cancellable, operation<client_response> {
  exchange* run = nullptr;   ///< What does it.
  bool is_cancelled = false; ///< Written and read under the client's lock.

protected:
  ~send_operation() = default;
};

/// What the cancellation slot of an `async_send` holds. It outlives the operation harmlessly.
class cancel_send {
public:
  cancel_send(std::weak_ptr<client_core> core, ticket operation) noexcept
      : core_(std::move(core)), operation_(operation) {}

  void operator()(boost::asio::cancellation_type type) const;

private:
  std::weak_ptr<client_core> core_;
  ticket operation_;
};

const boost::asio::any_io_executor& executor_of(const client_core& core) noexcept;
void give_ticket(client_core& core, send_operation& operation);

/// Takes the operation over: it has ended, or will.
void start_send(client_core& core, send_operation& operation, request message,
                send_options options);

/// Initiates `async_send`.
struct initiate_send {
  using executor_type = boost::asio::any_io_executor;

  std::shared_ptr<client_core> core;

  executor_type get_executor() const noexcept { return executor_of(*core); }

  template <class Handler>
  void operator()(Handler&& handler, request message, send_options options) const {
    start_send(*core,
               make_operation<send_operation, cancel_send, client_response>(
                   core, std::forward<Handler>(handler)),
               std::move(message), options);
  }
};

} // namespace detail

} // namespace httpool
