#include "faults/name_server.hpp"

#include "faults/child_process.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace httpool_test::faults {
namespace {

namespace asio = boost::asio;
using asio::ip::udp;
using namespace std::string_view_literals;

constexpr std::size_t head_size = 12;

/// Where the first question ends; 0 if there is none that is whole (RFC 1035 section 4.1).
std::size_t end_of_question(std::string_view query) {
  const std::size_t name_end = query.find('\0', head_size);
  return name_end == query.npos || query.size() < name_end + 5 ? 0 : name_end + 5;
}

/// Any name has the one address, and no IPv6 one.
std::string answer(std::string_view query, std::size_t question_end) {
  const bool is_for_ipv4 = query.substr(question_end - 4, 4) == "\0\1\0\1"sv;
  std::string text(query.substr(0, 2)); // The query's number.
  text += "\x81\x80\0\1"sv;
  text += is_for_ipv4 ? "\0\1\0\0\0\0"sv : "\0\0\0\0\0\0"sv;
  text += query.substr(head_size, question_end - head_size);
  if (is_for_ipv4)
    text += "\xc0\x0c\0\1\0\1\0\0\0\0\0\4\x7f\0\0\1"sv;
  return text;
}

asio::awaitable<void> answer_all(udp::socket& socket, const bool& is_silent) {
  std::string buffer(512, '\0');
  for (;;) {
    udp::endpoint from;
    const std::size_t size =
        co_await socket.async_receive_from(asio::buffer(buffer), from, asio::use_awaitable);
    const std::string_view query(buffer.data(), size);
    const std::size_t question_end = end_of_question(query);
    if (question_end == 0 || is_silent)
      continue;
    const std::string text = answer(query, question_end);
    co_await socket.async_send_to(asio::buffer(text), from, asio::use_awaitable);
  }
}

} // namespace

void serve_names(int control) {
  asio::io_context context(1);
  udp::socket socket(context, {asio::ip::address_v4::loopback(), 53});
  bool is_silent = false;
  asio::co_spawn(context, answer_all(socket, is_silent), asio::detached);
  obey(context, control, [&is_silent](char command) -> asio::awaitable<void> {
    is_silent = command == 's';
    co_return;
  });
}

} // namespace httpool_test::faults
