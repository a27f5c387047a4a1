// What the pieces of C++ in README.md and in doc take for granted.
#pragma once

#include <httpool/beast.hpp>
#include <httpool/client.hpp>
#include <httpool/connection_budget.hpp>
#include <httpool/connection_pool.hpp>
#include <httpool/exchange_trace.hpp>
#include <httpool/http_probe.hpp>
#include <httpool/metrics.hpp>
#include <httpool/proxy_settings.hpp>
#include <httpool/server.hpp>
#include <httpool/server_threads.hpp>
#include <httpool/websocket.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <chrono>
#include <csignal>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#if __has_include(<httpool/inspector.hpp>)
#include <httpool/inspector.hpp>
#endif
#if __has_include(<httpool/spdlog_observer.hpp>)
#include <httpool/spdlog_observer.hpp>

#include <spdlog/spdlog.h>
#endif
#if __has_include(<httpool/tls_client.hpp>)
#include <httpool/tls_client.hpp>
#include <httpool/tls_server.hpp>
#endif

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using namespace std::chrono_literals;
