// What the demo does. Each scenario is ServiceA with a pool or client of its own, calls ServiceB
// over real sockets, and returns what it measured.
#pragma once

#include "figures.hpp"

#include <httpool/server_threads.hpp>

namespace demo {

// reuse.cpp
one_connection send_one_after_another(httpool::server_threads& service_b);
connection_cost compare_new_with_reused(httpool::server_threads& service_b);

// many_tasks.cpp
shared_pool share_a_pool(httpool::server_threads& service_b);
limit_held press_against_the_limit(httpool::server_threads& service_b);

// trouble.cpp
timed_out_waiter let_a_waiter_time_out(httpool::server_threads& service_b);
killed_while_idle kill_idle_connections(httpool::server_threads& service_b);
silent_peer_found probe_a_silent_peer(httpool::server_threads& service_b);

// pipeline.cpp
ten_in_one_write send_ten_at_once(httpool::server_threads& service_b);

// farewell.cpp; ServiceB has stopped after it.
farewell drain_both_sides(httpool::server_threads& service_b);

} // namespace demo
