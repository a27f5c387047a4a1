/// \file
/// The operation that sends a Beast request: the client's own, with another handler.
#pragma once

#include <httpool/client_response.hpp>
#include <httpool/detail/beast_messages.hpp>
#include <httpool/detail/operation.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associator.hpp>
#include <boost/asio/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/system/error_code.hpp>

#include <new>
#include <type_traits>
#include <utility>

namespace httpool::detail {

/// Converts what the client received, and passes it on.
template <class Body, class Handler>
struct beast_handler {
  Handler handler;

  void operator()(boost::system::error_code ec, client_response received) {
    boost::beast::http::response<Body> answer;
    if (!ec)
      ec = convert(std::move(received), answer);
    std::move(handler)(ec, std::move(answer));
  }

private:
  static boost::system::error_code convert(client_response received,
                                           boost::beast::http::response<Body>& answer) {
    try {
      boost::beast::http::response<Body> made;
      const auto ec = write_message(made, response(std::move(received)));
      if (!ec)
        answer = std::move(made);
      return ec;
    } catch (const std::bad_alloc&) {
      return boost::asio::error::no_memory;
    }
  }
};

/// Initiates `async_send` of a Beast message, which was refused or is about to be sent.
template <class Body>
struct initiate_beast_send {
  using executor_type = boost::asio::any_io_executor;

  executor_type executor;

  executor_type get_executor() const noexcept { return executor; }

  template <class Handler, class Send>
  void operator()(Handler&& handler, Send send, boost::system::error_code refused) const {
    using answer = boost::beast::http::response<Body>;
    using final_handler = std::decay_t<Handler>;
    if (refused)
      handler_operation<operation<answer>, final_handler, answer>::create(
          std::forward<Handler>(handler), executor)
          ->complete(refused, answer());
    else
      std::move(send)(beast_handler<Body, final_handler>{std::forward<Handler>(handler)});
  }
};

} // namespace httpool::detail

/// Executor, allocator and cancellation slot are those of the handler that the answer is for.
template <template <class, class> class Associator, class Body, class Handler, class Candidate>
struct boost::asio::associator<Associator, httpool::detail::beast_handler<Body, Handler>, Candidate>
    : Associator<Handler, Candidate> {
  using source = httpool::detail::beast_handler<Body, Handler>;

  static auto get(const source& from) noexcept {
    return Associator<Handler, Candidate>::get(from.handler);
  }

  static auto get(const source& from, const Candidate& otherwise) noexcept {
    return Associator<Handler, Candidate>::get(from.handler, otherwise);
  }
};
