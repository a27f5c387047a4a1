// Scenarios of the server.
#include "torture/peers.hpp"
#include "torture/scenario.hpp"

#include <httpool/client.hpp>
#include <httpool/url.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace torture {
namespace {

using httpool::reply;
using httpool::request;
using httpool::response;
using httpool::server;
using httpool::server_options;

asio::awaitable<response> think() {
  co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  hook();
  co_return response(200, "late", "text/plain");
}

/// Answers at once or later; both may throw.
reply handle(const request& message) {
  hook();
  if (message.target() == "/late")
    return think();
  return response(200, "now", "text/plain");
}

server_options options_of() {
  server_options options;
  options.idle_timeout = options.linger_timeout = 30ms;
  return options;
}

/// A server under test, made in spite of the fault if need be.
class listener {
public:
  listener(bench& b, const server_options& options) : bench_(b) {
    b.make_context();
    const auto make = [&] { server_.emplace(b.own(), any_port, handle, options); };
    if (!b.attempt(make)) {
      b.calm();
      make();
    }
  }
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;

  server& operator*() noexcept { return *server_; }

  void stop() {
    drained end;
    end.is_begun = bench_.attempt([&] { server_->async_stop(reporter<nothing>(end)); });
    bench_.await(end, "the stop of the server");
    if (end.error != asio::error::timed_out)
      bench_.check_end(end, "the stop of the server");
  }

  void end() {
    bench_.calm();
    bench_.check(bench_.attempt([&] { server_.reset(); }), "a server goes without a word");
    bench_.end_context();
  }

private:
  bench& bench_;
  std::optional<server> server_;
};

std::string get(const char* target) {
  return std::string("GET ").append(target).append(" HTTP/1.1\r\nHost: a\r\n\r\n");
}

bool is_answered(const plain_client& by, int times) {
  std::size_t at = 0;
  while (times != 0 && (at = by.heard().find("\r\n\r\n", at)) != std::string::npos) {
    at += 4;
    --times;
  }
  return times == 0 || by.has_ended();
}

/// A client that comes now is answered, and cut off when it has been idle.
void check_it_works(bench& b, listener& under_test) {
  b.calm();
  plain_client one(b, (*under_test).local_endpoint());
  one.say(get("/").append(get("/late")));
  b.until([&] { return one.heard().find("late") != std::string::npos; },
          "the server answers when all is well again");
  b.until([&] { return one.has_ended(); }, "an idle connection is closed at its deadline");
  b.until([&] { return (*under_test).stats().open == 0; }, "no connection is left");
}

void answer(bench& b) {
  listener under_test(b, options_of());
  plain_client first(b, (*under_test).local_endpoint());
  plain_client second(b, (*under_test).local_endpoint());
  first.say(get("/").append(get("/late")).append(get("/")));
  second.say(get("/late"));
  b.until([&] { return is_answered(first, 3) && is_answered(second, 1); },
          "whoever has come is answered, or closed");
  check_it_works(b, under_test);
  under_test.end();
}

/// A body that comes in parts, after a 100, and a malformed request.
void take_body(bench& b) {
  listener under_test(b, options_of());
  plain_client sender(b, (*under_test).local_endpoint());
  plain_client broken(b, (*under_test).local_endpoint());
  sender.say("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\nExpect: 100-continue\r\n\r\n");
  broken.say("GET / HTTP/1.1\r\nHost : a\r\n\r\n");
  b.until([&] { return is_answered(sender, 1); }, "leave is given");
  sender.say(std::string(70'000, 'b'));
  b.until([&] { return is_answered(sender, 2) && broken.has_ended(); },
          "whoever has come is answered, or closed");
  check_it_works(b, under_test);
  under_test.end();
}

/// One place, and two who want it.
void limit(bench& b) {
  server_options options = options_of();
  options.max_connections = 1;
  listener under_test(b, options);
  plain_client first(b, (*under_test).local_endpoint());
  plain_client second(b, (*under_test).local_endpoint());
  first.say(get("/"));
  second.say(get("/late"));
  b.until([&] { return is_answered(first, 1) && is_answered(second, 1); },
          "whoever has come is answered, or closed");
  b.check((*under_test).stats().peak_open <= 1, "the limit of connections holds");
  check_it_works(b, under_test);
  under_test.end();
}

/// With an answer in the making and an idle client.
void stop(bench& b) {
  listener under_test(b, options_of());
  plain_client idle(b, (*under_test).local_endpoint());
  plain_client busy(b, (*under_test).local_endpoint());
  busy.say(get("/late"));
  b.until([&] { return is_answered(busy, 1) || (*under_test).stats().accepted == 2; },
          "clients are there");
  under_test.stop();
  b.until([&] { return idle.has_ended() && busy.has_ended(); }, "clients are let go");
  under_test.end();
}

/// Closed, not stopped, with the same.
void close(bench& b) {
  listener under_test(b, options_of());
  plain_client idle(b, (*under_test).local_endpoint());
  plain_client busy(b, (*under_test).local_endpoint());
  busy.say(get("/late"));
  b.until([&] { return is_answered(busy, 1) || (*under_test).stats().accepted == 2; },
          "clients are there");
  b.attempt([&] { (*under_test).close(); });
  b.calm();
  (*under_test).close();
  b.until([&] { return idle.has_ended() && busy.has_ended(); }, "clients are let go");
  under_test.end();
}

/// Clients of this library, on the other context, that no fault strikes.
void answer_encrypted(bench& b) {
  server_options options = options_of();
  options.tls = server_tls();
  listener under_test(b, options);
  httpool::client_options how;
  how.pool.tls = httpool::tls_client::create(client_tls_options());
  std::string base("https://localhost:");
  base.append(std::to_string((*under_test).local_endpoint().port()));
  std::optional<httpool::client> by(std::in_place, b.peers(),
                                    httpool::parse_url(base).value().origin(), how);
  const auto ask = [&](answered& of, const char* target) {
    by->async_send(request("GET", target), reporter<httpool::client_response>(of));
    b.await(of, "a client's call");
  };
  std::array<answered, 3> calls;
  ask(calls[0], "/");
  ask(calls[1], "/late");
  b.calm();
  ask(calls[2], "/");
  b.check(calls[2].is_good(), "the server works again");
  b.until([&] { return (*under_test).stats().open == 0; },
          "an idle connection is closed at its deadline");
  by->close();
  under_test.end();
}

} // namespace

std::vector<scenario> server_scenarios() {
  return {{"server: answer", answer}, {"server: body, refusal", take_body},
          {"server: limit", limit},   {"server: stop", stop},
          {"server: close", close},   {"server: https", answer_encrypted}};
}

} // namespace torture
