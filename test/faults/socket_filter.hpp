// Lost packets: filters of sockets (SO_ATTACH_FILTER), which TCP consults for
// each segment that arrives, before it looks at it. What is dropped was lost on its way.
#pragma once

#include <vector>

namespace httpool_test::faults {

/// Which of the TCP sockets of this process.
enum class reach { accepted_and_dialed, listeners_too };

std::vector<int> tcp_sockets(reach which);

inline constexpr unsigned all_of_them = 1000;

/// From now on a socket loses as many of 1,000 segments that arrive, at random. New connections
/// inherit from their listener.
/// \throws cannot_run if this may not be done here: some kernels ask for rights in the network.
void lose_segments(int socket, unsigned of_1000);

/// Tries it on a socket of its own.
/// \throws cannot_run likewise.
void check_that_segments_can_be_lost();

/// The same for all sockets that this process has now.
void lose_segments(reach which, unsigned of_1000);

/// An end to that. The accept queues should be empty: what is in them keeps its listener's filter.
void lose_no_segments(reach which);

/// Segments that the machine, or the namespace, has sent again since it began.
unsigned long long segments_sent_again();

} // namespace httpool_test::faults
