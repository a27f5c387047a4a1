/// \file
/// A health probe that asks over HTTP.
#pragma once

#include <httpool/detail/export.hpp>
#include <httpool/pool_options.hpp>

#include <chrono>
#include <string>

namespace httpool {

/// Makes a probe that sends `HEAD path` with `Host: host` to an idle connection, and is content
/// with any final status below 500 whose connection stays open, and is not about to be closed by
/// what its `Keep-Alive` field says.
///
/// \code
/// options.probe = httpool::http_probe("example.org", "/healthz");
/// \endcode
///
/// \throws boost::system::system_error with `error::invalid_request` if `host` or `path` cannot be
/// put on the wire.
HTTPOOL_EXPORT pool_probe http_probe(std::string host, std::string path = "/",
                                     std::chrono::nanoseconds interval = pool_probe().interval,
                                     std::chrono::nanoseconds timeout = pool_probe().timeout);

} // namespace httpool
