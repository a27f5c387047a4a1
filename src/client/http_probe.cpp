#include "client/keep_alive_hint.hpp"
#include "client/probe_with.hpp"
#include "http1/framing.hpp"
#include "http1/head_parser.hpp"
#include "http1/serialize.hpp"

#include <httpool/http_probe.hpp>
#include <httpool/lease.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

#include <memory>
#include <string_view>

namespace httpool {
namespace {

namespace asio = boost::asio;

asio::awaitable<bool> ask(lease& asked, std::shared_ptr<const std::string> question) {
  co_await asio::async_write(asked.stream(), asio::buffer(*question), asio::use_awaitable);
  http1::response_parser parser;
  response answer;
  auto& buffer = asked.buffer();
  for (;;) {
    const std::size_t size =
        co_await asked.stream().async_read_some(buffer.prepare(1024), asio::use_awaitable);
    buffer.commit(size);
    http1::progress progress = http1::progress::done;
    while (progress == http1::progress::done) {
      const std::string_view bytes(static_cast<const char*>(buffer.cdata().data()), buffer.size());
      progress = parser.parse(bytes, answer);
      if (progress == http1::progress::failed)
        co_return false;
      if (progress != http1::progress::done)
        break;
      buffer.consume(parser.size());
      if (answer.status() == 101)
        co_return false; // what follows is not HTTP
      if (answer.status() >= 200) {
        http1::response_framing framing;
        const bool is_framed = http1::frame(answer, "HEAD", framing) == http1::problem::none;
        co_return is_framed&& framing.keep_alive&& answer.status() < 500 &&
            !detail::hint_of(answer.fields()).announces_end();
      }
      answer.clear();
      parser.pass_over();
    }
  }
}

} // namespace

pool_probe detail::probe_with(request question, std::string_view host, const pool_probe& pace) {
  question.fields().set("Host", host);
  http1::body_form form = http1::body_form::none;
  const auto head = std::make_shared<std::string>();
  if (const auto ec = http1::append_head(*head, question, host, form))
    throw boost::system::system_error(ec);
  pool_probe probe = pace;
  probe.ask = [head](lease& asked) { return ask(asked, head); };
  return probe;
}

pool_probe http_probe(std::string host, std::string path, std::chrono::nanoseconds interval,
                      std::chrono::nanoseconds timeout) {
  pool_probe pace;
  pace.interval = interval;
  pace.timeout = timeout;
  return detail::probe_with(request("HEAD", path), host, pace);
}

} // namespace httpool
