/// \file
/// JSON bodies, for those who have Boost.JSON. The library itself does not need it: a program that
/// includes this links `Boost::json`, or takes `<boost/json/src.hpp>` into one of its files.
#pragma once

#include <httpool/request.hpp>
#include <httpool/response.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/storage_ptr.hpp>
#include <boost/json/value.hpp>
#include <boost/system/error_code.hpp>

#include <string>
#include <utility>

namespace httpool {

/// Makes `content` the body of a request, and `application/json` (RFC 8259 §11) its only
/// `Content-Type`. The rest of the message stays as it is.
///
/// \code
/// httpool::request order("POST", "/orders");
/// httpool::set_json(order, {{"item", 7}, {"count", 2}});
/// \endcode
inline void set_json(request& message, const boost::json::value& content) {
  std::string text = boost::json::serialize(content);
  message.fields().set("Content-Type", "application/json");
  message.body(std::move(text));
}

/// The same for a response.
inline void set_json(response& message, const boost::json::value& content) {
  std::string text = boost::json::serialize(content);
  message.fields().set("Content-Type", "application/json");
  message.body(std::move(text));
}

/// The body of a response, taken for JSON (RFC 8259) whatever its `Content-Type` says; null and an
/// error of `boost::json::error` if it is none, or nested more than 32 levels deep. The value's
/// memory comes from `storage`.
///
/// \code
/// boost::system::error_code ec;
/// const boost::json::value orders = httpool::parse_json(answer, ec);
/// \endcode
inline boost::json::value parse_json(const response& message, boost::system::error_code& ec,
                                     boost::json::storage_ptr storage = {}) {
  return boost::json::parse(boost::json::string_view(message.body()), ec, std::move(storage));
}

/// The same.
///
/// \throws boost::system::system_error with an error of `boost::json::error`.
inline boost::json::value parse_json(const response& message,
                                     boost::json::storage_ptr storage = {}) {
  return boost::json::parse(boost::json::string_view(message.body()), std::move(storage));
}

/// The body of a request, taken for JSON in the same way, for a server's handler.
inline boost::json::value parse_json(const request& message, boost::system::error_code& ec,
                                     boost::json::storage_ptr storage = {}) {
  return boost::json::parse(boost::json::string_view(message.body()), ec, std::move(storage));
}

/// The same.
///
/// \throws boost::system::system_error with an error of `boost::json::error`.
inline boost::json::value parse_json(const request& message,
                                     boost::json::storage_ptr storage = {}) {
  return boost::json::parse(boost::json::string_view(message.body()), std::move(storage));
}

} // namespace httpool
