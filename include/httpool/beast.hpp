/// \file
/// A bridge to Boost.Beast, for those who live there: messages are converted in both directions,
/// and a Beast request is sent directly.
#pragma once

#include <httpool/client.hpp>
#include <httpool/detail/beast_messages.hpp>
#include <httpool/detail/beast_operations.hpp>
#include <httpool/request.hpp>
#include <httpool/response.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <utility>

namespace httpool {

/// Makes a `httpool::request` of a `boost::beast::http::request`, or a `httpool::response` of a
/// `boost::beast::http::response`, with any body that Beast can write and any fields that can be
/// iterated, such as `boost::beast::http::fields`.
///
/// Start line and fields are taken over as they are: in Beast's order, repeated ones too, and
/// methods that Beast has no name for. The content is what the body's writer gives; the message
/// must not be const if that writer changes it, as the one of `file_body` does. A message with
/// `Transfer-Encoding: chunked` will be sent chunked. Framing fields that contradict the content
/// are found out when the message is sent.
///
/// \par Errors
/// `error::invalid_request` if the version is neither 10 nor 11, or start line or fields cannot be
/// put on the wire, such as a line break in a value, which Beast lets pass; those of the body's
/// writer, such as `boost::beast::http::error::need_buffer` for a `buffer_body` that is not whole.
template <class Message>
requires detail::beast_source<Message>
auto from_beast(Message&& message) -> boost::system::result<detail::made_of<Message>> {
  return detail::read_message<detail::made_of<Message>>(message);
}

/// Makes a `boost::beast::http::request` of a request. `Body` may be `string_body`, which takes the
/// content over without a copy, or any other whose reader can fill an empty value: `dynamic_body`,
/// `vector_body`, `empty_body`.
///
/// The result can be serialized by Beast as it is: a `Content-Length` is added where the content,
/// or the method (RFC 9110 §8.6), needs one; without content it is not chunked. Trailers join the
/// header, as they do in Beast's own parser, but for those that would change what the header says
/// about framing, routing or the content (RFC 9110 §6.5.1).
///
/// \par Errors
/// `error::invalid_request` if a `Content-Length` contradicts the content or stands beside a
/// `Transfer-Encoding`; `error::head_too_large` if a field is longer than Beast allows; those of
/// the body's reader, such as `boost::beast::http::error::unexpected_body` for an `empty_body`.
template <class Body = boost::beast::http::string_body>
boost::system::result<boost::beast::http::request<Body>> to_beast(request message) {
  boost::beast::http::request<Body> made;
  const auto ec = detail::write_message(made, std::move(message));
  if (ec)
    return ec;
  return made;
}

/// Makes a `boost::beast::http::response` of a response; see above.
///
/// Framing fields are made to fit the content where there is any. Where there is none, it is not
/// chunked, and a `Content-Length` is left alone, as the response may answer a HEAD
/// (RFC 9110 §9.3.2).
///
/// \par Errors
/// `error::head_too_large` if a field is longer than Beast allows; those of the body's reader.
template <class Body = boost::beast::http::string_body>
boost::system::result<boost::beast::http::response<Body>> to_beast(response message) {
  boost::beast::http::response<Body> made;
  const auto ec = detail::write_message(made, std::move(message));
  if (ec)
    return ec;
  return made;
}

/// Sends a Beast request and gives a Beast response:
/// `void(boost::system::error_code, boost::beast::http::response<ResponseBody>)`.
///
/// \code
/// http::request<http::string_body> order(http::verb::post, "/orders", 11);
/// order.body() = "{}";
/// order.prepare_payload();
/// http::response<http::string_body> answer =
///     co_await httpool::async_send(client, order, asio::use_awaitable);
/// \endcode
///
/// It is `client::async_send` between `from_beast` and `to_beast`; what that says about sending
/// again, completion, cancellation and thread safety holds here too. The message is converted
/// before this returns and need not live on. `Host` and the framing fields are set only where the
/// message has none, so that `prepare_payload` may have been called or not.
///
/// \par Errors
/// Those of `client::async_send`, `from_beast` and `to_beast`. `error::invalid_request`, and
/// nothing is sent, also if a `Content-Length` differs from the content. An error comes with an
/// empty response.
template <class ResponseBody = boost::beast::http::string_body, class Message,
          class CompletionToken>
requires detail::beast_request<Message>
auto async_send(client& sender, Message&& message, send_options options, CompletionToken&& token) {
  auto converted = from_beast(message);
  const auto refused = converted ? boost::system::error_code() : converted.error();
  auto send = sender.async_send(refused ? request() : std::move(*converted), options,
                                boost::asio::deferred);
  return boost::asio::async_initiate<
      CompletionToken, void(boost::system::error_code, boost::beast::http::response<ResponseBody>)>(
      detail::initiate_beast_send<ResponseBody>{sender.get_executor()}, token, std::move(send),
      refused);
}

/// The same, without options for this call.
template <class ResponseBody = boost::beast::http::string_body, class Message,
          class CompletionToken>
requires detail::beast_request<Message>
auto async_send(client& sender, Message&& message, CompletionToken&& token) {
  return async_send<ResponseBody>(sender, std::forward<Message>(message), send_options(),
                                  std::forward<CompletionToken>(token));
}

} // namespace httpool
