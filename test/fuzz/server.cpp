// A connection of the server: what its handler sees is what the client sent, as Boost.Beast reads
// it too; what the client gets is one response for each request, as Beast reads them; and neither
// depends on how the bytes arrive.

#include "fuzz/fuzz.hpp"
#include "fuzz/socket_pair.hpp"
#include "judges/http1_judges.hpp"
#include "server/connection.hpp"
#include "server/core.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <string>
#include <vector>

namespace httpool_fuzz {
namespace {

using namespace httpool;
namespace asio = boost::asio;

constexpr std::string_view leave = "HTTP/1.1 100 Continue\r\n\r\n";

std::string told(const request& message) {
  std::string text(message.method());
  text.append(" ").append(message.target()).append("\n");
  for (const field line : message.fields())
    text.append(line.name).append("=").append(line.value).append("\n");
  text += "body " + message.body() + "\n";
  for (const field line : message.trailers())
    text.append(line.name).append("=").append(line.value).append("\n");
  return text;
}

/// A server without a listener, and what its handler has seen.
struct fixture {
  asio::io_context context;
  std::vector<std::string> requests;
  std::vector<bool> to_head;
  bool answers_later = false;
  std::shared_ptr<detail::quota> places = std::make_shared<detail::quota>(0);
  std::shared_ptr<detail::server_core> core = std::make_shared<detail::server_core>(
      context.get_executor(), asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0),
      server_handler([this](request message) { return answer(message); }), options(), places);

  static server_options options() {
    server_options chosen;
    chosen.max_head_bytes = 4096;
    chosen.max_fields = 32;
    chosen.max_body_bytes = http1_test::max_body;
    chosen.idle_timeout = chosen.head_timeout = chosen.body_timeout = chosen.linger_timeout =
        std::chrono::hours(1);
    return chosen;
  }

  reply answer(const request& message) {
    requests.push_back(told(message));
    to_head.push_back(message.method() == "HEAD");
    if (message.target() == "/throw")
      throw std::runtime_error("thrown");
    response made(200, "heard " + std::to_string(message.body().size()), "text/plain");
    if (message.target() == "/chunks")
      made.trailers().add("X-Trailer", "1");
    if (answers_later)
      return later(std::move(made));
    return made;
  }

  asio::awaitable<response> later(response made) {
    co_await asio::post(context, asio::use_awaitable);
    co_return made;
  }
};

struct outcome {
  std::vector<std::string> requests;
  std::vector<bool> to_head;
  std::string output; ///< Without dates and leaves to go on, which depend on time and arrival.
};

std::string without(std::string text, std::string_view begin, std::string_view end) {
  for (std::size_t at = 0; (at = text.find(begin, at)) != std::string::npos;) {
    const std::size_t stop = text.find(end, at + begin.size() - end.size());
    require(stop != std::string::npos, "what is sent is whole");
    text.erase(at, stop + end.size() - at);
  }
  return text;
}

outcome serve(std::string_view input, std::uint8_t pieces, bool answers_later) {
  static fixture f;
  f.requests.clear();
  f.to_head.clear();
  f.answers_later = answers_later;
  asio::ip::tcp::socket socket(f.context);
  far_end client = connect(socket);
  socket.non_blocking(true);
  detail::wakeable_timer unused(f.context.get_executor());
  detail::place_waiter nobody(unused);
  detail::place room = f.places->take(nobody);
  room.open();
  request_context about;
  about.connection_id = f.places->next_id();
  auto served = std::make_shared<detail::server_connection>(f.core, std::move(room),
                                                            std::move(socket), about);
  const std::weak_ptr<detail::server_connection> ended = served;
  asio::co_spawn(f.context, detail::server_connection::run(std::move(served)), asio::detached);

  outcome result;
  std::string output;
  settle(f.context);
  in_pieces(input, pieces, [&](std::string_view piece) {
    const bool is_taken = client.send(piece);
    settle(f.context);
    client.receive(output);
    return is_taken;
  });
  client.finish();
  settle(f.context);
  const bool is_open = client.receive(output);
  settle(f.context);
  require(!is_open && ended.expired(), "a connection ends when its client has ended");
  require(f.places->open() == 0, "an ended connection gives its place back");
  result.requests = f.requests;
  result.to_head = f.to_head;
  result.output = without(without(std::move(output), leave, leave), "Date: ", "\r\n");
  return result;
}

/// Each request is one, to the codec as a whole and to Beast; yields how many there are.
void check_requests(std::string_view input, const std::vector<std::string>& heard) {
  std::size_t served = 0;
  bool goes_on = true;
  while (goes_on && !input.empty()) {
    const auto judged = http1_test::judge_request(input);
    require(is_right(judged), "Beast disagrees; " + describe(judged));
    const bool is_complete = judged.ours.complete && judged.ours.used <= input.size();
    goes_on = is_complete && judged.ours.keep_alive;
    if (is_complete && served < heard.size())
      require(heard[served].starts_with(judged.ours.start + "\n"), "requests are those sent");
    if (is_complete)
      ++served;
    else
      require(heard.size() <= served, "no handler sees what is no request");
    input.remove_prefix(is_complete ? judged.ours.used : input.size());
  }
  require(heard.size() <= served, "there are no more requests than were sent");
}

/// As many responses as there were requests, and one more at most, which refuses what may have been
/// a HEAD.
void check_responses(const outcome& result) {
  std::string_view left = result.output;
  std::size_t count = 0;
  while (!left.empty()) {
    const bool is_answer = count < result.requests.size();
    const bool to_head = is_answer ? result.to_head[count] : left.ends_with("\r\n\r\n");
    const auto judged = http1_test::judge_response(left, to_head ? "HEAD" : "GET");
    require(judged.ours.complete && agree(judged),
            "what is sent is a response; " + describe(judged));
    ++count;
    left.remove_prefix(judged.ours.used);
    require(judged.ours.keep_alive || left.empty(), "nothing follows the last response");
  }
  require(count >= result.requests.size(), "each request is answered");
  require(count <= result.requests.size() + 1, "nothing but a refusal is sent beside answers");
}

void run(std::string_view input) {
  reader from(input);
  const bool answers_later = from.next() % 2 != 0;
  const std::uint8_t pieces = from.next();
  const std::string_view text = from.rest();
  const outcome whole = serve(text, 0, answers_later);
  const outcome cut = serve(text, pieces, answers_later);
  require(whole.requests == cut.requests, "in pieces the requests are the same");
  require(whole.output == cut.output,
          "in pieces the responses are the same\n" + whole.output + "---\n" + cut.output);
  check_requests(text, whole.requests);
  check_responses(whole);
}

const target here("server", run);

} // namespace
} // namespace httpool_fuzz
