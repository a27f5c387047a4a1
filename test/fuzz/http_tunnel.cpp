// The answer of an HTTP proxy to CONNECT: a tunnel is there only if the answer is one final head
// that says so, to Boost.Beast too, and nothing more.

#include "dial/http_tunnel.hpp"

#include "fuzz/fuzz.hpp"
#include "fuzz/tunnel.hpp"

#include <httpool/error.hpp>

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <string>

namespace httpool_fuzz {
namespace {

using namespace httpool;
namespace beast_http = boost::beast::http;

/// The status of the final head, and how many bytes came up to its end; 0 if Beast finds none.
struct beast_reading {
  unsigned status = 0;
  std::size_t used = 0;
};

beast_reading ask_beast(const std::string& text) {
  beast_reading found;
  while (found.used < text.size()) {
    beast_http::response_parser<beast_http::empty_body> parser;
    parser.header_limit(64 * 1024);
    parser.skip(true);
    boost::beast::error_code ec;
    while (!ec && !parser.is_header_done() && found.used < text.size())
      found.used +=
          parser.put(boost::asio::buffer(text.data() + found.used, text.size() - found.used), ec);
    if (ec || !parser.is_header_done())
      return {};
    const unsigned status = parser.get().result_int();
    if (status >= 200)
      return {status, found.used};
  }
  return {};
}

/// A minor version above 1, and a status line without its second space, are taken for what they are
/// meant to be, but not by Beast: the text as Beast would have it.
std::string for_beast(std::string text) {
  for (std::size_t at = 0; (at = text.find("HTTP/1.", at)) != std::string::npos; at += 7) {
    if (at != 0 && text[at - 1] != '\n')
      continue;
    if (at + 7 < text.size() && text[at + 7] > '1' && text[at + 7] <= '9')
      text[at + 7] = '1';
    if (at + 12 < text.size() && text[at + 12] == '\r')
      text.insert(at + 12, 1, ' ');
  }
  return text;
}

void run(std::string_view input) {
  static const proxy by("http://user:secret@proxy.test:3128");
  reader from(input);
  const std::uint8_t pieces = from.next();
  const std::string_view answer = from.rest();
  const tunnel_outcome whole = open_tunnel(detail::open_http_tunnel, by, answer, 0);
  const tunnel_outcome cut = open_tunnel(detail::open_http_tunnel, by, answer, pieces);
  require(whole.asked == cut.asked, "the question does not depend on the answer");

  const boost::system::error_code protocol_error = error::protocol_error;
  // What follows the head may come after the tunnel is there, and is then the origin's.
  if (whole.error == protocol_error && !cut.error)
    require(!cut.behind.empty(), "in pieces only what follows makes the difference");
  else
    require(whole.error == cut.error, "in pieces the outcome is the same");
  for (const tunnel_outcome& outcome : {whole, cut}) {
    if (outcome.error)
      continue;
    const std::string read(answer.substr(0, answer.size() - outcome.behind.size()));
    const std::string text = for_beast(read);
    const beast_reading theirs = ask_beast(text);
    require(theirs.used == text.size() && theirs.status / 100 == 2,
            "a tunnel is there after one 2xx, and nothing behind it has been read");
  }
}

const target here("http_tunnel", run);

} // namespace
} // namespace httpool_fuzz
