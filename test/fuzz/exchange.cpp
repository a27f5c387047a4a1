// An exchange of the client: its outcome is what Boost.Beast, too, reads in the peer's bytes; and
// whatever these are, the next exchange gets its own response and no byte of theirs.

#include "fuzz/exchange_peer.hpp"
#include "fuzz/fuzz.hpp"
#include "http1/head_parser.hpp"
#include "judges/http1_judges.hpp"

#include <httpool/client.hpp>
#include <httpool/error.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

namespace httpool_fuzz {
namespace {

using namespace httpool;
namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond";

/// How the exchange is done.
struct manner {
  std::string method;
  bool expects_leave = false;
  bool is_streamed = false;
  bool is_dropped = false; ///< The stream, once the head is there.
  std::size_t room = 0;    ///< For each read of the stream.

  explicit manner(std::uint8_t flags)
      : method((flags & 2U) != 0   ? "POST"
               : (flags & 1U) != 0 ? "HEAD"
                                   : "GET"),
        expects_leave((flags & 3U) == 3),
        is_streamed((flags & 4U) != 0),
        is_dropped((flags & 12U) == 12),
        room((flags & 16U) != 0 ? 2048 : 7) {}

  request message() const {
    request made(method, "/first");
    if (method == "POST")
      made.body("order");
    if (expects_leave)
      made.fields().add("Expect", "100-continue");
    return made;
  }
};

/// A call under way, and what came of it.
struct call {
  bool is_done = false;
  error_code error;
  client_response response;
  response_stream body;
  std::array<char, 2048> piece;
  std::size_t room = 0;

  void start(client& sender, const manner& how) {
    room = how.room;
    if (!how.is_streamed) {
      sender.async_send(how.message(), [this](error_code ec, client_response got) {
        end(ec);
        response = std::move(got);
      });
      return;
    }
    sender.async_open(how.message(),
                      [this, drops = how.is_dropped](error_code ec, response_stream got) {
                        if (ec || drops)
                          return end(ec);
                        response = got.head();
                        body = std::move(got);
                        read();
                      });
  }

  void read() {
    body.async_read_some(asio::buffer(piece, room), [this](error_code ec, std::size_t size) {
      response.body().append(piece.data(), size);
      for (const field line : body.head().trailers())
        require(!line.name.empty(), "trailers can be looked at whenever there are some");
      if (!ec)
        return read();
      response.trailers() = body.head().trailers();
      end(ec == asio::error::eof ? error_code() : ec);
      body = response_stream();
    });
  }

  void end(error_code ec) {
    require(!is_done, "a call ends once");
    is_done = true;
    error = ec;
  }
};

/// The final response in what the peer sent, and what is left behind it.
struct expectation {
  bool is_switch = false; ///< A 101, which nobody asked for.
  http1_test::message_case judged;
  std::string_view left;
};

/// What is left of the text behind heads of informational responses, whatever those say: they have
/// no body (RFC 9112 §6.3).
std::string_view without_informational(std::string_view text) {
  for (;;) {
    http1::response_parser parser({32 * 1024, 128});
    response head;
    if (parser.parse(text, head) != http1::progress::done || head.status() / 100 != 1 ||
        head.status() == 101)
      return text;
    text.remove_prefix(parser.size());
  }
}

expectation expect(std::string_view text, const std::string& method) {
  text = without_informational(text);
  expectation found;
  found.judged = http1_test::judge_response(text, method);
  require(is_right(found.judged), "Beast disagrees; " + describe(found.judged));
  const auto& ours = found.judged.ours;
  found.is_switch = ours.complete && ours.start.starts_with("101");
  if (ours.complete)
    found.left = text.substr(ours.used);
  return found;
}

bool mentions(std::string_view text, std::string_view word) {
  return std::search(text.begin(), text.end(), word.begin(), word.end(), [](char a, char b) {
           return std::tolower(static_cast<unsigned char>(a)) == b;
         }) != text.end();
}

void check_outcome(const call& first, const manner& how, const expectation& expected) {
  const auto& ours = expected.judged.ours;
  if (how.is_dropped)
    return;
  require(!first.error == (ours.complete && !expected.is_switch),
          "a call succeeds if its response is whole, and only then: " + first.error.message() +
              "; " + describe(expected.judged));
  if (!first.error) {
    require(first.response.body() == ours.body, "the body is the one sent");
    require(std::to_string(first.response.status()) == ours.start.substr(0, 3),
            "the status is the one sent");
  }
}

/// The next exchange, over whichever connection: its response is its own. Yields whether that was
/// the connection of the first.
bool check_next(client& sender, exchange_peer& peer) {
  call next;
  next.start(sender, manner(0));
  settle(peer.context());
  const bool is_reused = peer.hears_another();
  if (!is_reused)
    peer.accept();
  peer.send(answer);
  settle(peer.context());
  require(next.is_done && !next.error, "the next call succeeds: " + next.error.message());
  require(next.response.body() == "second" && next.response.status() == 200 &&
              next.response.fields().size() == 1,
          "the next call gets its own response");
  require(next.response.reused() == is_reused && next.response.attempts() == 1,
          "the next call goes over a connection that is good");
  return is_reused;
}

client_options options() {
  client_options chosen;
  chosen.pool.max_connections = 1;
  chosen.exchange_timeout = std::chrono::nanoseconds::max();
  chosen.continue_timeout = std::chrono::hours(1);
  chosen.max_body_bytes = http1_test::max_body;
  chosen.max_head_bytes = 32 * 1024;
  return chosen;
}

void run(std::string_view input) {
  static exchange_peer peer;
  reader from(input);
  const manner how(from.next());
  const std::uint8_t pieces = from.next();
  const std::string_view text = from.rest();
  client sender(peer.context(), peer.origin(), options());
  {
    call first;
    first.start(sender, how);
    settle(peer.context());
    peer.accept();
    in_pieces(text, pieces, [&](std::string_view piece) {
      const bool is_taken = peer.send(piece);
      settle(peer.context());
      return is_taken;
    });
    const bool is_early = sender.pool().stats().leased == 0;
    if (!is_early)
      peer.finish();
    settle(peer.context());
    require(first.is_done, "a call ends when its peer has gone");

    const expectation expected = expect(text, how.method);
    check_outcome(first, how, expected);
    const bool is_reused = check_next(sender, peer);
    const auto& ours = expected.judged.ours;
    const bool may_be_kept =
        ours.complete && ours.keep_alive && expected.left.empty() && !expected.is_switch;
    require(!is_reused || may_be_kept, "a connection is kept only if it is good for another call");
    const bool must_be_kept = may_be_kept && is_early && how.method != "POST" && !how.is_dropped &&
                              !mentions(text, "keep-alive");
    require(is_reused || !must_be_kept, "a good connection is kept");
  }
  sender.close();
  peer.leave();
  settle(peer.context());
  require(sender.pool().stats().total() == 0, "no connection is left");
}

const target here("exchange", run);

} // namespace
} // namespace httpool_fuzz
