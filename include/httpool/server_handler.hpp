/// \file
/// The user's side of a server: a function from requests to responses.
#pragma once

#include <httpool/body_source.hpp>
#include <httpool/detail/export.hpp>
#include <httpool/request.hpp>
#include <httpool/request_context.hpp>
#include <httpool/response.hpp>

#include <boost/asio/awaitable.hpp>

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>
#include <variant>

namespace httpool {

/// A response now, a coroutine that will yield one, or a response whose body is yet to be produced:
/// what a handler returns that answers most requests at once and only some of them later.
class reply {
public:
  /// A response that is there already.
  reply(response now) : value_(std::move(now)) {}

  /// A coroutine that will yield the response; the server runs it on its executor.
  reply(boost::asio::awaitable<response> later) : value_(std::move(later)) {}

  /// A response whose body `produce` gives, a piece at a time, until it gives nothing; the body of
  /// `head` is not sent. It goes out chunked, or to an HTTP/1.0 client until the connection ends,
  /// and is not asked for where there is none, as in answer to HEAD.
  ///
  /// Each piece is written before the next is asked for: a client that does not read holds the
  /// source up, until `server_options::body_timeout` ends the connection. The source runs on the
  /// server's executor, and is cancelled and treated as a handler that is a coroutine. If it throws
  /// the connection ends. A client can always tell that something is missing: the last chunk is,
  /// and the connection of an HTTP/1.0 client is reset, whatever ends it before the body does.
  reply(response head, body_source::read_function produce)
      : value_(std::make_unique<streamed>(std::move(head), std::move(produce))) {}

  /// Whether the response is there already.
  bool is_ready() const noexcept { return value_.index() == 0; }

  /// Whether the head is there already, and the body is yet to be produced.
  bool is_streamed() const noexcept { return value_.index() == 2; }

  /// The response; only if `is_ready()`.
  response& now() { return std::get<0>(value_); }

  /// The response without its body; only if `is_streamed()`.
  response& head() { return std::get<2>(value_)->head; }

  /// What produces the body; only if `is_streamed()`.
  const body_source::read_function& source() const { return std::get<2>(value_)->produce; }

  /// The coroutine; only if not `is_ready()`.
  boost::asio::awaitable<response> later() && { return std::move(std::get<1>(value_)); }

private:
  struct streamed {
    streamed(response first, body_source::read_function rest)
        : head(std::move(first)), produce(std::move(rest)) {}

    response head;
    body_source::read_function produce;
  };

  std::variant<response, boost::asio::awaitable<response>, std::unique_ptr<streamed>> value_;
};

namespace detail {

template <class F>
concept takes_request_and_context = requires(F& f, request r, const request_context& c) {
  { f(std::move(r), c) } -> std::convertible_to<reply>;
};

template <class F>
concept takes_request = requires(F& f, request r) {
  { f(std::move(r)) } -> std::convertible_to<reply>;
};

} // namespace detail

/// Any function object that answers requests. Its parameters are a `request` (by value, by
/// `const request&` or by `request&&`) and, if it likes, a `const request_context&`; it returns a
/// `response`, an `awaitable<response>` or a `reply`.
///
/// Both arguments live until the response is complete, so that a coroutine may take them by
/// reference. What a handler throws becomes a 500, as does a response that is not final (1xx), and
/// the connection serves on. A coroutine runs on the server's executor; when the drain deadline
/// passes, the server is closed, or its connection is (`server::close_connection`), it is cancelled
/// (`terminal`). It is not cancelled when its client goes away: nothing is read while a handler
/// runs, so that this is noticed when the response is written.
///
/// The framing fields of the response are the server's business. A handler may set
/// `Transfer-Encoding: chunked` to have it sent that way (to HTTP/1.1 clients), and
/// `Connection: close` to end the connection.
///
/// Copies share one function object. It is called by one thread at a time for each server that has
/// a copy.
class HTTPOOL_EXPORT server_handler {
public:
  /// Keeps `function`, moved or copied from what is given.
  template <class F>
  requires(!std::same_as<std::decay_t<F>, server_handler> &&
           (detail::takes_request<std::decay_t<F>> ||
            detail::takes_request_and_context<std::decay_t<F>>)) server_handler(F&& function)
      : target_(std::make_shared<holder<std::decay_t<F>>>(std::forward<F>(function))) {}

  /// Calls the function object.
  reply operator()(request&& message, const request_context& context) const {
    return target_->call(std::move(message), context);
  }

private:
  class base {
  public:
    virtual ~base() = default;
    virtual reply call(request&& message, const request_context& context) = 0;
  };

  template <class F>
  class holder final : public base {
  public:
    template <class G>
    explicit holder(G&& function) : function_(std::forward<G>(function)) {}

    reply call(request&& message, const request_context& context) override {
      if constexpr (detail::takes_request_and_context<F>)
        return function_(std::move(message), context);
      else
        return function_(std::move(message));
    }

  private:
    F function_;
  };

  std::shared_ptr<base> target_;
};

} // namespace httpool
