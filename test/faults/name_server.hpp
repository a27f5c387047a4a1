// A name server that can be silent.
#pragma once

namespace httpool_test::faults {

/// The name that it knows: 127.0.0.1.
inline constexpr auto known_name = "origin.test";

/// In a child process: answers on port 53 of the loopback interface. At 's' it goes silent, at 'a'
/// it answers again.
void serve_names(int control);

} // namespace httpool_test::faults
