// How the setters of messages refuse what must not be sent.
#pragma once

namespace httpool::http1 {

// Throws boost::system::system_error with error::invalid_request and that explanation.
[[noreturn]] void throw_invalid(const char* why);

} // namespace httpool::http1
