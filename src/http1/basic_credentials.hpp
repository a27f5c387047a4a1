// The Basic scheme of authentication (RFC 7617).
#pragma once

#include <string>
#include <string_view>

namespace httpool::http1 {

// The value of an Authorization or Proxy-Authorization field.
std::string basic_credentials(std::string_view user, std::string_view password);

} // namespace httpool::http1
