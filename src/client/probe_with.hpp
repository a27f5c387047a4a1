// Probes whose question is a request that has been addressed already.
#pragma once

#include <httpool/pool_options.hpp>
#include <httpool/request.hpp>

#include <string_view>

namespace httpool::detail {

/// The probe that sends `question`, a HEAD, at the pace of `pace`: see `http_probe`.
///
/// \throws boost::system::system_error with `error::invalid_request` if it cannot be put on the
/// wire.
pool_probe probe_with(request question, std::string_view host, const pool_probe& pace);

} // namespace httpool::detail
