// A network, and files, of a process's own: what is done to them leaves the machine's alone.
#pragma once

#include <cstdint>
#include <string>

namespace httpool_test::faults {

/// What of the machine a process leaves; the network for lossy sockets only where they need that.
enum class isolation { none, lossy_sockets, network, network_and_files };

/// Enters namespaces of its own, in which only the loopback interface is, and it is up. The process
/// must have one thread.
/// \throws cannot_run if this may not be done here.
void isolate(isolation what);

/// The loopback interface goes, or comes back. Only in a network of one's own.
void set_link(bool is_up);

/// The ports that connections are made from. Only in a network of one's own.
/// \throws cannot_run if they cannot be set.
void set_port_range(std::uint16_t first, std::uint16_t last);

/// Names are asked of 127.0.0.1, once, for a second. Only with files of one's own.
/// \throws cannot_run if that cannot be set.
void ask_names_of_loopback();

} // namespace httpool_test::faults
