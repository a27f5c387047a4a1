// What the pieces of C++ in doc/migration.md take for granted besides.
#pragma once

#include "readme.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/beast/core/tcp_stream.hpp>

#include <cstddef>

#include <curl/curl.h>
#include <httplib.h>
