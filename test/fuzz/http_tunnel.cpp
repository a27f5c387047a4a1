// The answer of an HTTP proxy to CONNECT: a tunnel is there only if the answer is one final head
// that says so, and nothing more.

#include "dial/http_tunnel.hpp"

#include "fuzz/fuzz.hpp"
#include "fuzz/tunnel.hpp"

#include <httpool/error.hpp>

#include <string_view>

namespace httpool_fuzz {
namespace {

using namespace httpool;

/// Whether a text is heads of informational responses and then of a 2xx, read naively; what else
/// they say means nothing.
bool is_consent(std::string_view text) {
  for (;;) {
    const std::size_t end = text.find("\r\n\r\n");
    if (end == std::string_view::npos || !text.starts_with("HTTP/1.") || text.size() < 13)
      return false;
    const std::string_view status = text.substr(8, 4);
    text.remove_prefix(end + 4);
    if (status[0] != ' ' || status == " 101")
      return false;
    if (status[1] != '1')
      return status[1] == '2' && text.empty();
  }
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
    require(is_consent(answer.substr(0, answer.size() - outcome.behind.size())),
            "a tunnel is there after one 2xx, and nothing behind it has been read");
  }
}

const target here("http_tunnel", run);

} // namespace
} // namespace httpool_fuzz
