/// \file
/// The operations of a client that wait inside it.
#pragma once

#include <httpool/body_source.hpp>
#include <httpool/client_response.hpp>
#include <httpool/detail/cancellable.hpp>
#include <httpool/detail/export.hpp>
#include <httpool/request.hpp>
#include <httpool/send_options.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_type.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>

namespace httpool {
class client;
class response_stream;
} // namespace httpool

namespace httpool::detail {

class call_run;
class client_core;
class exchange;

/// A call of a client under way.
struct call_operation : cancellable {
  call_run* run = nullptr;   ///< What does it.
  bool is_cancelled = false; ///< Written and read under the client's lock.

protected:
  ~call_operation() = default;
};

/// An `async_send` under way.
struct HTTPOOL_EXPORT send_operation : call_operation, operation<client_response> {
protected:
  ~send_operation() = default;
};

/// An `async_send` under way whose messages are the caller's.
struct HTTPOOL_EXPORT fill_operation : call_operation, operation<> {
protected:
  ~fill_operation() = default;
};

/// An `async_open` under way.
struct HTTPOOL_EXPORT open_operation : call_operation, operation<response_stream> {
protected:
  ~open_operation() = default;
};

/// A read from a streamed response under way.
struct HTTPOOL_EXPORT read_operation : cancellable, operation<std::size_t> {
protected:
  ~read_operation() = default;
};

/// A client's `async_drain` under way.
struct HTTPOOL_EXPORT client_drain_operation : operation<> {
protected:
  ~client_drain_operation() = default;
};

/// What the cancellation slot of a call holds. It outlives the operation harmlessly.
class HTTPOOL_EXPORT cancel_call {
public:
  cancel_call(std::weak_ptr<client_core> core, ticket operation) noexcept
      : core_(std::move(core)), operation_(operation) {}

  void operator()(boost::asio::cancellation_type type) const;

private:
  std::weak_ptr<client_core> core_;
  ticket operation_;
};

/// The same for a read.
class HTTPOOL_EXPORT cancel_read {
public:
  cancel_read(std::weak_ptr<exchange> core, ticket operation) noexcept
      : exchange_(std::move(core)), operation_(operation) {}

  void operator()(boost::asio::cancellation_type type) const;

private:
  std::weak_ptr<exchange> exchange_;
  ticket operation_;
};

HTTPOOL_EXPORT const std::shared_ptr<client_core>& core_of(const client& one) noexcept;
HTTPOOL_EXPORT const boost::asio::any_io_executor& executor_of(const client_core& core) noexcept;
HTTPOOL_EXPORT const boost::asio::any_io_executor& executor_of(const exchange& core) noexcept;
HTTPOOL_EXPORT void give_ticket(client_core& core, call_operation& operation);
HTTPOOL_EXPORT void give_ticket(exchange& core, read_operation& operation);

// Each of these takes the operation over: it has ended, or will.
HTTPOOL_EXPORT void start_call(const std::shared_ptr<client_core>& core, send_operation& operation,
                               request message, body_source body, send_options options);
HTTPOOL_EXPORT void start_call(const std::shared_ptr<client_core>& core, fill_operation& operation,
                               const request& message, client_response& answer,
                               const send_options& options);
HTTPOOL_EXPORT void start_call(const std::shared_ptr<client_core>& core, open_operation& operation,
                               request message, body_source body, send_options options);
HTTPOOL_EXPORT void start_drain(const std::shared_ptr<client_core>& core,
                                client_drain_operation& operation,
                                std::chrono::nanoseconds timeout);
HTTPOOL_EXPORT void start_read(std::shared_ptr<exchange> core, read_operation& operation,
                               boost::asio::mutable_buffer buffer);

/// Initiates `async_send` and `async_open`.
template <class Operation, class Result>
struct initiate_call {
  using executor_type = boost::asio::any_io_executor;

  std::shared_ptr<client_core> core;

  executor_type get_executor() const noexcept { return executor_of(*core); }

  template <class Handler>
  void operator()(Handler&& handler, request message, body_source body,
                  send_options options) const {
    const std::shared_ptr<client_core> alive = core; // this may end while the call is being started
    start_call(
        alive,
        make_operation<Operation, cancel_call, Result>(alive, std::forward<Handler>(handler)),
        std::move(message), std::move(body), options);
  }
};

/// Initiates `async_send` of messages that are the caller's.
struct initiate_fill {
  using executor_type = boost::asio::any_io_executor;

  std::shared_ptr<client_core> core;

  executor_type get_executor() const noexcept { return executor_of(*core); }

  template <class Handler>
  void operator()(Handler&& handler, const request* message, client_response* answer,
                  const send_options& options) const {
    const std::shared_ptr<client_core> alive = core;
    start_call(alive,
               make_operation<fill_operation, cancel_call>(alive, std::forward<Handler>(handler)),
               *message, *answer, options);
  }
};

/// Initiates `client::async_drain`.
struct initiate_client_drain {
  using executor_type = boost::asio::any_io_executor;

  std::shared_ptr<client_core> core;

  executor_type get_executor() const noexcept { return executor_of(*core); }

  template <class Handler>
  void operator()(Handler handler, std::chrono::nanoseconds timeout) const {
    const std::shared_ptr<client_core> alive = core;
    start_drain(alive,
                *handler_operation<client_drain_operation, Handler>::create(std::move(handler),
                                                                            executor_of(*alive)),
                timeout);
  }
};

/// Initiates `response_stream::async_read_some`.
struct initiate_read {
  using executor_type = boost::asio::any_io_executor;

  std::shared_ptr<exchange> core;

  executor_type get_executor() const noexcept { return executor_of(*core); }

  template <class Handler>
  void operator()(Handler&& handler, boost::asio::mutable_buffer buffer) const {
    const std::shared_ptr<exchange> alive = core;
    start_read(alive,
               make_operation<read_operation, cancel_read, std::size_t>(
                   alive, std::forward<Handler>(handler)),
               buffer);
  }
};

} // namespace httpool::detail
