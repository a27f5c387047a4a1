// Request targets and Host values: the few rules of RFC 3986 that a server has to enforce.
#pragma once

#include <string_view>

namespace httpool::http1 {

// uri-host [ ":" port ], RFC 9110 §7.2; may be empty.
bool is_host(std::string_view text) noexcept;

// Whether the target has the form that its method allows (RFC 9112 §3.2): origin-form,
// absolute-form, authority-form for CONNECT alone, asterisk-form for OPTIONS alone. Inside a path
// or query any visible ASCII character but `#` passes, as browsers send more than RFC 3986 allows.
bool is_target(std::string_view method, std::string_view target) noexcept;

} // namespace httpool::http1
