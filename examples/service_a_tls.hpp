// How service_a calls https.
#pragma once

#include "service_a_options.hpp"

#include <httpool/tls_client.hpp>

#include <memory>

namespace service_a {

/// What the connections to https origins are encrypted with. It says on stderr why a server is not
/// accepted, once for each host and reason, and that nobody is verified if that was asked for.
///
/// \throws usage_error if a file is not what it should be.
std::shared_ptr<httpool::tls_client> make_tls(const tls_flags& given);

} // namespace service_a
