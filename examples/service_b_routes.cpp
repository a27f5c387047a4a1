#include "service_b_routes.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace service_b {
namespace {

namespace asio = boost::asio;
using httpool::request;
using httpool::request_context;
using httpool::response;

constexpr std::uint64_t longest_delay_ms = 10 * 60 * 1000;
constexpr std::uint64_t most_bytes = 64 * 1024 * 1024;

// The path of any form of target (RFC 9112 §3.2), without its query.
std::string_view path_of(std::string_view target) {
  const std::size_t scheme = target.starts_with('/') ? std::string_view::npos : target.find("://");
  if (scheme != std::string_view::npos) {
    const std::size_t path = target.find_first_of("/?", scheme + 3);
    target = path == std::string_view::npos || target[path] == '?' ? "/" : target.substr(path);
  }
  return target.substr(0, target.find('?'));
}

// The number behind `prefix`, if that is all there is and it is in the range.
std::optional<std::uint64_t> parameter(std::string_view path, std::string_view prefix,
                                       std::uint64_t least, std::uint64_t most) {
  if (!path.starts_with(prefix))
    return std::nullopt;
  path.remove_prefix(prefix.size());
  std::uint64_t number = 0;
  const auto [end, ec] = std::from_chars(path.data(), path.data() + path.size(), number);
  if (ec != std::errc() || end != path.data() + path.size() || number < least || number > most)
    return std::nullopt;
  return number;
}

response text(unsigned status, std::string body) {
  return response(status, std::move(body), "text/plain");
}

response wrong_method(std::string_view allowed) {
  response message = text(405, "method not allowed\n");
  message.fields().set("Allow", allowed);
  return message;
}

// The body as it came, and sent the way it came.
response echo(request& message) {
  const std::string_view type = message.fields().value("Content-Type", "application/octet-stream");
  response answer(200, std::move(message.body()), type);
  if (message.fields().contains("Transfer-Encoding"))
    answer.fields().set("Transfer-Encoding", "chunked");
  return answer;
}

asio::awaitable<response> delay(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
  co_return text(200, "waited " + std::to_string(time.count()) + " ms\n");
}

response bytes(std::uint64_t count) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz012345";
  std::string body;
  body.reserve(count);
  while (body.size() < count)
    body.append(letters.substr(0, count - body.size()));
  return response(200, std::move(body), "application/octet-stream");
}

response status(unsigned code) {
  return text(code,
              std::to_string(code) + ' ' + std::string(httpool::standard_reason(code)) + '\n');
}

response connection(const request_context& context) {
  return response(200,
                  "{\"connection_id\":" + std::to_string(context.connection_id) +
                      ",\"request_number\":" + std::to_string(context.request_number) + "}",
                  "application/json");
}

} // namespace

httpool::reply route(request&& message, const request_context& context) {
  const std::string_view path = path_of(message.target());
  if (path == "/" && message.method() == "GET")
    return text(200, "Hello, World!");
  if (path == "/echo")
    return message.method() == "POST" ? echo(message) : wrong_method("POST");

  const auto ms = parameter(path, "/delay/", 0, longest_delay_ms);
  const auto count = parameter(path, "/bytes/", 0, most_bytes);
  const auto code = parameter(path, "/status/", 200, 999);
  if (path != "/" && path != "/connection" && path != "/healthz" && !ms && !count && !code)
    return text(404, "not found\n");
  if (message.method() != "GET" && message.method() != "HEAD")
    return wrong_method("GET, HEAD");

  if (ms)
    return delay(std::chrono::milliseconds(*ms));
  if (count)
    return bytes(*count);
  if (code)
    return status(static_cast<unsigned>(*code));
  if (path == "/connection")
    return connection(context);
  return text(200, path == "/" ? "Hello, World!" : "ok\n");
}

void stamp(response& message, const request_context& context) {
  message.fields().add("X-Connection-Id", std::to_string(context.connection_id));
  message.fields().add("X-Request-Number", std::to_string(context.request_number));
}

} // namespace service_b
