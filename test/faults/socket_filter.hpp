// Lost packets, without privileges: filters of sockets (SO_ATTACH_FILTER), which TCP consults for
// each segment that arrives, before it looks at it. What is dropped was lost on its way.
#pragma once

namespace httpool_test::faults {

/// Which sockets of this process lose what arrives. New connections inherit from their listener.
enum class reach { accepted_and_dialed, listeners_too };

inline constexpr unsigned all_of_them = 1000;

/// From now on a socket loses as many of 1,000 segments that arrive, at random.
/// \throws cannot_run if the kernel has no such filters.
void lose_segments(int socket, unsigned of_1000);

/// All TCP sockets that this process has now.
void lose_segments(reach sockets, unsigned of_1000);

/// An end to that. The accept queues should be empty: what is in them keeps its listener's filter.
void lose_no_segments(reach sockets);

/// Segments that the machine, or the namespace, has sent again since it began.
unsigned long long segments_sent_again();

} // namespace httpool_test::faults
