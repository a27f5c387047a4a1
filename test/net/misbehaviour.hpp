// What a peer may do wrong, or oddly, and what has to come of it.
#pragma once

#include "net/client_fixture.hpp"

#include <string>
#include <utility>
#include <vector>

namespace client_test {

using namespace std::string_literals;

/// A row of the table of peers.
struct misbehaviour {
  std::string name;
  std::string section; ///< The one that decides: of RFC 9112, or of RFC 9110 if it says so.
  script plan;         ///< What the first connection does.
  error_code error = {};
  unsigned status = 200;
  std::string body = "hi";
  bool is_kept = false; ///< The next exchange goes over the same connection.
  request message = get();
  bool is_whole_only = false; ///< A streamed response would end otherwise.
  client_options options = {};

  misbehaviour asked(request asking) && {
    message = std::move(asking);
    return std::move(*this);
  }

  misbehaviour gives(unsigned final_status, std::string text) && {
    status = final_status;
    body = std::move(text);
    return std::move(*this);
  }

  misbehaviour only_whole() && {
    is_whole_only = true;
    return std::move(*this);
  }

  misbehaviour with(client_options wanted) && {
    options = std::move(wanted);
    return std::move(*this);
  }
};

/// A response after which the connection serves again.
inline misbehaviour kept(std::string name, std::string section, script plan) {
  misbehaviour row{std::move(name), std::move(section), std::move(plan)};
  row.is_kept = true;
  return row;
}
inline misbehaviour kept(std::string name, std::string section, const std::string& answer) {
  return kept(std::move(name), std::move(section), script().answers(answer));
}

/// A response after which the connection is closed.
inline misbehaviour closed(std::string name, std::string section, script plan) {
  return misbehaviour{std::move(name), std::move(section), std::move(plan)};
}
inline misbehaviour closed(std::string name, std::string section, const std::string& answer) {
  return closed(std::move(name), std::move(section), script().answers(answer));
}

/// An error, which costs the connection.
inline misbehaviour fails(std::string name, std::string section, script plan, error_code end) {
  return misbehaviour{std::move(name), std::move(section), std::move(plan), end};
}
inline misbehaviour fails(std::string name, std::string section, const std::string& answer,
                          error_code end = error::protocol_error) {
  return fails(std::move(name), std::move(section), script().answers(answer), end);
}

/// A head that has those field lines, and what follows.
inline std::string framed(const std::string& fields, const std::string& rest = "hi") {
  return "HTTP/1.1 200 OK\r\n" + fields + "\r\n" + rest;
}

inline std::string chunked(const std::string& body) {
  return framed("Transfer-Encoding: chunked\r\n", body);
}

} // namespace client_test
