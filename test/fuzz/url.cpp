// URLs: Boost.URL finds the same parts, the normal form means the same, and a request to it carries
// what the URL said.

#include "fuzz/fuzz.hpp"
#include "http1/authority.hpp"
#include "http1/head_parser.hpp"
#include "http1/serialize.hpp"

#include <httpool/error.hpp>
#include <httpool/url.hpp>

#include <boost/asio/ip/address.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <algorithm>
#include <string>

namespace httpool_fuzz {
namespace {

using namespace httpool;
namespace urls = boost::urls;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

template <class Text>
std::string string_of(const Text& text) {
  return std::string(text.data(), text.size());
}

/// Whether hosts are spelt otherwise: addresses are put into their one form.
bool may_be_respelt(const std::string& host) {
  return host.front() == '[' || (host.back() >= '0' && host.back() <= '9') || host.back() == '.' ||
         host.find("0x") != std::string::npos || host.find("0X") != std::string::npos;
}

/// Boost.URL 1.81 takes a host such as 1.2.3.4.example for an address and a path.
bool takes_name_for_address(const urls::url_view& theirs) {
  return theirs.host_type() == urls::host_type::ipv4 && !theirs.encoded_path().empty() &&
         theirs.encoded_path().front() != '/';
}

void check_parts(const url& made, const urls::url_view& theirs) {
  const std::string path = string_of(theirs.encoded_path());
  std::string query = theirs.has_query() ? "?" : "";
  query += string_of(theirs.encoded_query());
  require(made.target() == (path.empty() ? "/" : path) + query, "the target is path and query");
  if (made.origin().scheme() == scheme::http_unix)
    return;
  const std::string host = string_of(theirs.encoded_host());
  require(may_be_respelt(host) || made.origin().host() == lower(host), "the host is theirs");
  const std::string port = string_of(theirs.port());
  const unsigned usual = made.origin().scheme() == scheme::https ? 443 : 80;
  require(made.origin().port() == (port.empty() ? usual : std::stoul(port)), "the port is theirs");
  require(!theirs.has_userinfo(), "there are no credentials");
}

void check_request(const url& made) {
  const request message("GET", made.target());
  std::string text;
  http1::body_form form{};
  const std::string host = made.origin().authority();
  require(http1::is_host(host), "the authority of an origin is a Host: " + host);
  require(!http1::append_head(text, message, host, form), "a request to a URL can be sent");
  http1::request_parser parser;
  request heard;
  require(parser.parse(text, heard) == http1::progress::done && parser.size() == text.size(),
          "a request to a URL is one request");
  require(heard.target() == made.target(), "the target arrives");
  require(heard.fields().size() == 1 && heard.fields().value("Host") == host, "the Host arrives");
}

void run(std::string_view input) {
  const auto made = parse_url(input);
  const bool has_zone = input.find("%25") != std::string_view::npos;
  const auto theirs = urls::parse_uri(urls::string_view(input.data(), input.size()));
  if (!made) {
    require(!made.error().message().empty(), "an error has a text");
    return;
  }
  require(input.find_first_of(std::string_view(" \t\r\n\0", 5)) == std::string_view::npos,
          "no URL has a space, a line break or NUL");
  require(theirs || has_zone, "Boost.URL takes it too");
  if (theirs && !takes_name_for_address(*theirs))
    check_parts(*made, *theirs);
  const auto again = parse_url(made->to_string());
  require(again && *again == *made, "the normal form is the same URL: " + made->to_string());
  require(again->to_string() == made->to_string(), "the normal form is its own");
  check_request(*made);
}

const target here("url", run);

} // namespace
} // namespace httpool_fuzz
