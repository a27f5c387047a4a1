// OpenSSL's random numbers, for a world that can be replayed.
#pragma once

namespace httpool_sim {

/// From now on, in this process, OpenSSL takes its random numbers from the kernel that there is.
void make_entropy_repeatable();

} // namespace httpool_sim
