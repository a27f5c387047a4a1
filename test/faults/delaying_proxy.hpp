// A long way: what forwards bytes, each some time after it came.
#pragma once

#include "faults/calls.hpp"

namespace httpool_test::faults {

/// In a child process: forwards connections to the server's port, and tells its own. At '0' without
/// delay, at 's' with 100 ms each way, at 'l' with 5 s.
void forward_late(int control, shared_state& shared);

} // namespace httpool_test::faults
