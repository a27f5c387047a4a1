// The answers of a SOCKS5 proxy: a tunnel is there only if RFC 1928 and RFC 1929 say so, read byte
// for byte; and not one byte behind the answer is read.

#include "dial/socks5.hpp"

#include "fuzz/fuzz.hpp"
#include "fuzz/tunnel.hpp"

#include <httpool/error.hpp>

#include <string>

namespace httpool_fuzz {
namespace {

using namespace httpool;

/// How many bytes a proxy that opens the tunnel has sent; 0 if it does not.
std::size_t size_of_consent(std::string_view answer, bool has_credentials) {
  const auto byte = [&](std::size_t at) -> unsigned {
    return at < answer.size() ? static_cast<unsigned char>(answer[at]) : 256;
  };
  std::size_t at = 2;
  if (byte(0) != 5 || (byte(1) != 0 && (byte(1) != 2 || !has_credentials)))
    return 0;
  if (byte(1) == 2) {
    if (byte(2) != 1 || byte(3) != 0)
      return 0;
    at += 2;
  }
  if (byte(at) != 5 || byte(at + 1) != 0 || byte(at + 2) != 0)
    return 0;
  const unsigned kind = byte(at + 3);
  std::size_t end = at + 4 + 2;
  if (kind == 1)
    end += 4;
  else if (kind == 4)
    end += 16;
  else if (kind == 3 && byte(at + 4) != 256)
    end += 1 + byte(at + 4);
  else
    return 0;
  return end <= answer.size() ? end : 0;
}

void run(std::string_view input) {
  static const proxy anonymous("socks5h://proxy.test:1080");
  static const proxy known("socks5h://user:secret@proxy.test:1080");
  reader from(input);
  const bool has_credentials = from.next() % 2 != 0;
  const std::uint8_t pieces = from.next();
  const std::string_view answer = from.rest();
  const proxy& by = has_credentials ? known : anonymous;
  const std::size_t consent = size_of_consent(answer, has_credentials);
  const tunnel_outcome whole = open_tunnel(detail::open_socks5_tunnel, by, answer, 0);
  const tunnel_outcome cut = open_tunnel(detail::open_socks5_tunnel, by, answer, pieces);
  require(whole.error == cut.error, "in pieces the outcome is the same");
  require(whole.asked == cut.asked, "in pieces the same is asked");
  for (const tunnel_outcome& outcome : {whole, cut}) {
    require(!outcome.error == (consent != 0),
            "a tunnel is there if the proxy says so, and only then");
    if (consent != 0)
      require(outcome.behind == answer.substr(consent), "no byte behind the answer is read");
  }
}

const target here("socks5", run);

} // namespace
} // namespace httpool_fuzz
