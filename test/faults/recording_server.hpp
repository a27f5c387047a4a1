// A server that records which calls it has done.
#pragma once

#include "faults/calls.hpp"

namespace httpool_test::faults {

/// In a child process: serves on the port of the shared state, or one that the system picks, which
/// is told there. At 'q' it stops gracefully, at 'c' it cuts its connections off. Its sockets lose
/// segments: at 'l' one in five that arrive, at 'b' all but those for the listener, at 'B' these,
/// too, and at 'n' none any more.
void serve(int control, shared_state& shared);

} // namespace httpool_test::faults
