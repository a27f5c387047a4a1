/// \file
/// How the messages of Boost.Beast become httpool's, and the other way round.
#pragma once

#include <httpool/error.hpp>
#include <httpool/request.hpp>
#include <httpool/response.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/core/string_type.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/type_traits.hpp>
#include <boost/optional/optional.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>
#include <boost/system/system_error.hpp>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace httpool::detail {

template <class T>
inline constexpr bool is_beast_message = false;
template <bool IsRequest, class Body, class Fields>
inline constexpr bool is_beast_message<boost::beast::http::message<IsRequest, Body, Fields>> = true;

/// A message of Beast whose body can be written from where it is: const or not.
template <class Message>
concept beast_source =
    is_beast_message<std::remove_cvref_t<Message>> &&
    boost::beast::http::is_body_writer<typename std::remove_cvref_t<Message>::body_type>::value &&
    std::is_constructible_v < typename std::remove_cvref_t<Message>::body_type::writer,
decltype(std::declval<std::remove_reference_t<Message>&>().base()),
    decltype(std::declval<std::remove_reference_t<Message>&>().body()) > ;

/// One that is a request.
template <class Message>
concept beast_request = beast_source<Message> && std::remove_cvref_t<Message>::is_request::value;

/// What a message of Beast becomes.
template <class Message>
using made_of =
    std::conditional_t<std::remove_cvref_t<Message>::is_request::value, request, response>;

inline std::string_view from_beast_text(boost::beast::string_view text) noexcept {
  return {text.data(), text.size()};
}

inline boost::beast::string_view to_beast_text(std::string_view text) noexcept {
  return {text.data(), text.size()};
}

// From Beast ------------------------------------------------------------------------------------

template <class Message>
void read_start(const Message& from, request& to) {
  to.method(from_beast_text(from.method_string()));
  to.target(from_beast_text(from.target()));
}

template <class Message>
void read_start(const Message& from, response& to) {
  const auto reason = from.reason();
  if (reason == boost::beast::http::obsolete_reason(from.result()))
    to.status(from.result_int());
  else
    to.status(from.result_int(), from_beast_text(reason));
}

template <class Message>
void read_body(Message& from, std::string& to, boost::system::error_code& ec) {
  using writer = typename std::remove_const_t<Message>::body_type::writer;
  writer source(from.base(), from.body());
  source.init(ec);
  while (!ec) {
    const auto part = source.get(ec);
    if (ec || !part)
      return;
    for (const boost::asio::const_buffer buffer : boost::beast::buffers_range_ref(part->first))
      to.append(static_cast<const char*>(buffer.data()), buffer.size());
    if (!part->second)
      return;
  }
}

template <class Made, class Message>
boost::system::result<Made> read_message(Message& from) {
  if (from.version() != 10 && from.version() != 11)
    return make_error_code(error::invalid_request);
  Made made;
  boost::system::error_code ec;
  try {
    read_start(from, made);
    made.version(from.version() == 10 ? http_version::http_1_0 : http_version::http_1_1);
    for (const auto& line : from.base())
      made.fields().add(from_beast_text(line.name_string()), from_beast_text(line.value()));
    read_body(from, made.body(), ec);
  } catch (const boost::system::system_error& refused) {
    ec = refused.code();
  }
  if (ec)
    return ec;
  return made;
}

// To Beast --------------------------------------------------------------------------------------

template <class Message>
void write_start(Message& to, const request& from) {
  to.method_string(to_beast_text(from.method()));
  to.target(to_beast_text(from.target()));
}

template <class Message>
void write_start(Message& to, const response& from) {
  to.result(from.status());
  const std::string_view reason = from.reason();
  if (reason != standard_reason(from.status()))
    to.reason(to_beast_text(reason));
}

/// Whether a trailer may join the header: RFC 9110 §6.5.1.
inline bool may_join_header(const field& trailer) noexcept {
  using boost::beast::http::field;
  switch (boost::beast::http::string_to_field(to_beast_text(trailer.name))) {
  case field::authorization:
  case field::connection:
  case field::content_encoding:
  case field::content_length:
  case field::content_range:
  case field::content_type:
  case field::expect:
  case field::host:
  case field::keep_alive:
  case field::max_forwards:
  case field::range:
  case field::set_cookie:
  case field::te:
  case field::trailer:
  case field::transfer_encoding:
  case field::upgrade:
    return false;
  default:
    return true;
  }
}

/// Whether that length is given, and once.
inline bool says_length(const fields& own, std::size_t size) {
  return own.count("Content-Length") == 1 && own.value("Content-Length") == std::to_string(size);
}

/// Beast 1.81 sends the last chunk of a `string_body` without content twice: the second one would
/// be taken for the beginning of another message.
template <class Message>
void unchunk_nothing(Message& to, std::size_t size) {
  if (size == 0 && to.chunked())
    to.chunked(false);
}

/// Makes the framing fields of a request such as its content needs.
template <class Message>
boost::system::error_code write_framing(Message& to, const request& from) {
  const std::size_t size = from.body().size();
  const std::string_view method = from.method();
  const bool has_length = from.fields().contains("Content-Length");
  if (has_length &&
      (from.fields().contains("Transfer-Encoding") || !says_length(from.fields(), size)))
    return error::invalid_request;
  unchunk_nothing(to, size);
  if (!has_length && !to.chunked() &&
      (size > 0 || method == "POST" || method == "PUT" || method == "PATCH"))
    to.content_length(size);
  return {};
}

/// The same for a response, which without content may tell of that of another.
template <class Message>
boost::system::error_code write_framing(Message& to, const response& from) {
  const std::size_t size = from.body().size();
  unchunk_nothing(to, size);
  if (to.chunked())
    to.erase(boost::beast::http::field::content_length);
  else if (size > 0 && !says_length(from.fields(), size))
    to.content_length(size);
  return {};
}

template <class Message>
void write_body(Message& to, std::string from, boost::system::error_code& ec) {
  using body = typename Message::body_type;
  if constexpr (std::is_same_v<typename body::value_type, std::string>) {
    to.body() = std::move(from);
  } else {
    typename body::reader sink(to.base(), to.body());
    sink.init(boost::optional<std::uint64_t>(from.size()), ec);
    boost::asio::const_buffer rest = boost::asio::buffer(from);
    while (!ec && rest.size() > 0) {
      const std::size_t taken = sink.put(rest, ec);
      if (!ec && taken == 0)
        ec = boost::beast::http::error::need_buffer;
      rest += taken;
    }
    if (!ec)
      sink.finish(ec);
  }
}

template <class Message, class Source>
boost::system::error_code write_message(Message& to, Source from) {
  try {
    to.version(from.version() == http_version::http_1_0 ? 10 : 11);
    write_start(to, from);
    for (const field line : from.fields())
      to.insert(to_beast_text(line.name), to_beast_text(line.value));
    for (const field line : from.trailers())
      if (may_join_header(line))
        to.insert(to_beast_text(line.name), to_beast_text(line.value));
    boost::system::error_code ec = write_framing(to, from);
    if (!ec)
      write_body(to, std::move(from.body()), ec);
    return ec;
  } catch (const std::length_error&) {
    return error::head_too_large;
  }
}

} // namespace httpool::detail
