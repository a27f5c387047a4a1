// What the scenarios have in common.
#pragma once

#include "figures.hpp"

#include <httpool/client.hpp>
#include <httpool/server_threads.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>

#include <functional>
#include <string>

namespace demo {

// A client of `at`, on the threads given.
httpool::client make_client(boost::asio::thread_pool& threads,
                            const boost::asio::ip::tcp::endpoint& at,
                            httpool::client_options options = {});

// GET over a client: the client leases a connection, talks, and gives it back.
boost::asio::awaitable<answer> get(httpool::client& client, std::string target,
                                   httpool::send_options options = {});

// Waits for something that happens on another thread, and says how long that took. Throws if it
// has not happened after a time that nothing in the demo needs.
milliseconds wait_until(const std::string& what, const std::function<bool()>& happened);

} // namespace demo
