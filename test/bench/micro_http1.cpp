// The codec, and beside it what Boost.Beast has for the same. Both judge the framing of what they
// parse; ours uses its message again, which Beast's parser, made for one message, does not.

#include "bench/micro.hpp"
#include "http1/body_decoder.hpp"
#include "http1/framing.hpp"
#include "http1/head_parser.hpp"
#include "http1/serialize.hpp"

#include <httpool/url.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>

#include <cstdint>
#include <string>
#include <string_view>

#include <benchmark/benchmark.h>

namespace bench {
namespace {

namespace asio = boost::asio;
namespace beast_http = boost::beast::http;
namespace http1 = httpool::http1;
using boost::beast::error_code;

constexpr std::string_view date = "Tue, 24 Nov 2026 20:00:00 GMT";

void count_bytes(benchmark::State& state, std::size_t each) {
  state.SetBytesProcessed(static_cast<std::int64_t>(each) * state.iterations());
}

// Parsing ---------------------------------------------------------------------------------------

void request_head(benchmark::State& state, std::string_view text) {
  http1::request_parser parser;
  httpool::request message;
  http1::request_framing framing;
  for (auto _ : state) {
    parser.reset();
    message.clear();
    if (parser.parse(text, message) != http1::progress::done ||
        http1::frame(message, framing) != http1::problem::none)
      state.SkipWithError("not parsed");
    benchmark::DoNotOptimize(framing);
  }
  count_bytes(state, text.size());
}

void response_head(benchmark::State& state, std::string_view text) {
  http1::response_parser parser;
  httpool::response message;
  http1::response_framing framing;
  for (auto _ : state) {
    parser.reset();
    message.clear();
    if (parser.parse(text, message) != http1::progress::done ||
        http1::frame(message, "GET", framing) != http1::problem::none)
      state.SkipWithError("not parsed");
    benchmark::DoNotOptimize(framing);
  }
  count_bytes(state, text.size());
}

template <bool is_request>
void beast_head(benchmark::State& state, std::string_view text) {
  for (auto _ : state) {
    beast_http::parser<is_request, beast_http::string_body> parser;
    error_code ec;
    parser.put(asio::buffer(text), ec);
    if (!parser.is_header_done())
      state.SkipWithError("not parsed");
    benchmark::DoNotOptimize(parser);
  }
  count_bytes(state, text.size());
}

// A whole chunked response, and its body alone, of 16 chunks of 1,024 bytes.

constexpr int chunks = 16;
constexpr std::size_t chunk_size = 1024;

void chunked_response_ours(benchmark::State& state) {
  const std::string text = chunked_response(chunks, "400", chunk_size);
  http1::response_parser parser;
  httpool::response message;
  http1::response_framing framing;
  http1::body_decoder decoder;
  for (auto _ : state) {
    parser.reset();
    message.clear();
    parser.parse(text, message);
    http1::frame(message, "GET", framing);
    decoder.start(framing.body, text.size());
    decoder.decode(std::string_view(text).substr(parser.size()), message.body(),
                   message.trailers());
    if (!decoder.done() || message.body().size() != chunks * chunk_size)
      state.SkipWithError("not parsed");
  }
  count_bytes(state, text.size());
}

void chunked_body_ours(benchmark::State& state) {
  const std::string text = chunked_response(chunks, "400", chunk_size);
  const std::string_view coded = std::string_view(text).substr(text.find("\r\n\r\n") + 4);
  std::string content;
  httpool::fields trailers;
  http1::body_decoder decoder;
  for (auto _ : state) {
    content.clear();
    decoder.start({http1::body_kind::chunked, 0}, text.size());
    decoder.decode(coded, content, trailers);
    if (!decoder.done())
      state.SkipWithError("not decoded");
  }
  count_bytes(state, coded.size());
}

void chunked_response_beast(benchmark::State& state) {
  const std::string text = chunked_response(chunks, "400", chunk_size);
  for (auto _ : state) {
    beast_http::response_parser<beast_http::string_body> parser;
    parser.eager(true);
    error_code ec;
    for (std::size_t used = 0; used != text.size() && !ec;)
      used += parser.put(asio::buffer(std::string_view(text).substr(used)), ec);
    if (!parser.is_done() || parser.get().body().size() != chunks * chunk_size)
      state.SkipWithError("not parsed");
  }
  count_bytes(state, text.size());
}

// Writing ---------------------------------------------------------------------------------------

void request_head_out(benchmark::State& state) {
  httpool::request message("GET", "/orders/4711?detail=full");
  message.fields().add("User-Agent", "service_a/1.0");
  message.fields().add("Accept", "application/json");
  std::string out;
  http1::body_form form = {};
  for (auto _ : state) {
    out.clear();
    if (http1::append_head(out, message, "orders.example.com:8080", form))
      state.SkipWithError("not written");
    benchmark::DoNotOptimize(out.data());
  }
  count_bytes(state, out.size());
}

void response_head_out(benchmark::State& state) {
  const httpool::response message(200, "Hello, World!", "text/plain");
  http1::response_context context;
  context.date = date;
  std::string out;
  for (auto _ : state) {
    out.clear();
    http1::append_head(out, message, context);
    benchmark::DoNotOptimize(out.data());
  }
  count_bytes(state, out.size());
}

/// Beast gives a sequence of buffers for the head, which are copied to where ours puts its own.
template <class Message>
void beast_out(benchmark::State& state, Message& message) {
  std::string out;
  for (auto _ : state) {
    out.clear();
    beast_http::serializer<Message::is_request::value, typename Message::body_type> serializer(
        message);
    serializer.split(true);
    error_code ec;
    serializer.next(ec, [&out](error_code&, const auto& buffers) {
      out.resize(asio::buffer_size(buffers));
      asio::buffer_copy(asio::buffer(out), buffers);
    });
    benchmark::DoNotOptimize(out.data());
  }
  count_bytes(state, out.size());
}

void request_head_out_beast(benchmark::State& state) {
  beast_http::request<beast_http::empty_body> message(beast_http::verb::get,
                                                      "/orders/4711?detail=full", 11);
  message.set(beast_http::field::host, "orders.example.com:8080");
  message.set(beast_http::field::user_agent, "service_a/1.0");
  message.set(beast_http::field::accept, "application/json");
  beast_out(state, message);
}

void response_head_out_beast(benchmark::State& state) {
  beast_http::response<beast_http::string_body> message(beast_http::status::ok, 11,
                                                        "Hello, World!");
  message.set(beast_http::field::content_type, "text/plain");
  message.set(beast_http::field::date, date);
  message.prepare_payload();
  beast_out(state, message);
}

// Fields ----------------------------------------------------------------------------------------

constexpr std::string_view names[] = {"Host",       "User-Agent", "Accept",  "Accept-Language",
                                      "Connection", "Referer",    "X-Trace", "Cache-Control"};

template <class Fields>
void add_all(Fields& to) {
  for (const std::string_view name : names) {
    if constexpr (requires { to.add(name, name); })
      to.add(name, "a value of twenty-four b");
    else
      to.insert(name, "a value of twenty-four b");
  }
}

template <class Fields>
void fields_add(benchmark::State& state) {
  Fields lines;
  for (auto _ : state) {
    lines.clear();
    add_all(lines);
    benchmark::DoNotOptimize(lines);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(std::size(names)));
}

template <class Fields>
void fields_find(benchmark::State& state, std::string_view name) {
  Fields lines;
  add_all(lines);
  for (auto _ : state) {
    benchmark::DoNotOptimize(name);
    benchmark::DoNotOptimize(lines.find(name));
  }
}

void parse_url(benchmark::State& state, std::string_view text) {
  for (auto _ : state) {
    if (!httpool::parse_url(text))
      state.SkipWithError("not parsed");
  }
}

} // namespace

void register_http1() {
  const auto add = [](const char* name, auto&&... what) {
    benchmark::RegisterBenchmark(name, what...);
  };
  add("request_head/small/httpool", request_head, small_request);
  add("request_head/small/beast", beast_head<true>, small_request);
  add("request_head/large/httpool", request_head, large_request);
  add("request_head/large/beast", beast_head<true>, large_request);
  add("response_head/small/httpool", response_head, small_response);
  add("response_head/small/beast", beast_head<false>, small_response);
  add("chunked_response/httpool", chunked_response_ours);
  add("chunked_response/beast", chunked_response_beast);
  add("chunked_body/httpool", chunked_body_ours);
  add("append_head/request/httpool", request_head_out);
  add("append_head/request/beast", request_head_out_beast);
  add("append_head/response/httpool", response_head_out);
  add("append_head/response/beast", response_head_out_beast);
  add("fields/add8/httpool", fields_add<httpool::fields>);
  add("fields/add8/beast", fields_add<beast_http::fields>);
  add("fields/find/httpool", fields_find<httpool::fields>, "cache-control");
  add("fields/find/beast", fields_find<beast_http::fields>, "cache-control");
  add("fields/find_none/httpool", fields_find<httpool::fields>, "transfer-encoding");
  add("fields/find_none/beast", fields_find<beast_http::fields>, "transfer-encoding");
  add("url/httpool", parse_url, "http://orders.example.com:8080/orders/4711?detail=full");
}

} // namespace bench
