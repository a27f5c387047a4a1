// What httpool's codec and Boost.Beast's parser make of the same message, and the kinds of
// disagreement between them that an RFC decides.
#pragma once

#include "http1/problem.hpp"

#include <boost/beast/core/error.hpp>
#include <boost/beast/http/error.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace http1_test {

/// The longest body that either takes: Beast makes room for what a message announces.
constexpr std::uint64_t max_body = 1024 * 1024;

/// What a parser made of a message; `complete` only if it took the whole of it.
struct verdict {
  bool complete = false;
  bool keep_alive = false;
  bool has_trailers = false;
  bool has_framing_trailers = false; // a Content-Length or Transfer-Encoding among them
  httpool::http1::problem trouble = httpool::http1::problem::none; // ours
  boost::beast::error_code error;                                  // Beast's
  std::string start;
  std::vector<std::string> lines; // header and trailers, as Beast keeps both together
  std::string fields;             // the same, sorted
  std::string body;
  std::size_t used = 0;
};

/// A message and both verdicts.
struct message_case {
  std::string_view text;
  bool is_request = true;
  verdict ours;
  verdict theirs;

  bool we_refuse(httpool::http1::problem what) const;
  bool they_refuse(boost::beast::http::error what) const;
  bool both_take() const { return ours.complete && theirs.complete; }
  std::string_view first_line() const;
};

/// `text` must outlive what is made of it.
message_case judge_request(std::string_view text);
message_case judge_response(std::string_view text, std::string_view method);

/// Whether both refuse the message, or take the same of it.
bool agree(const message_case& judged);

/// For people: the message, and what both made of it.
std::string describe(const message_case& judged);

/// One kind of disagreement.
struct known {
  const char* section; ///< that decides; RFC 9112 unless it says otherwise
  const char* what;
  bool (*is_this)(const message_case&);
  int seen = 0;
};

/// All kinds that are right.
std::vector<known> known_disagreements();

/// Whether they agree, or disagree in a known way, or for one of our limits, which Beast has not.
bool is_right(const message_case& judged);

} // namespace http1_test
