// What can go wrong with a pool, and what its users see of it.

#include "calls.hpp"
#include "live.hpp"
#include "scenarios.hpp"
#include "silent_peer.hpp"

#include <httpool/connection_pool.hpp>
#include <httpool/http_probe.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <thread>
#include <utility>

namespace demo {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

struct wait_for_lease {
  boost::system::error_code error;
  std::uint64_t connection = 0;
  milliseconds waited{};
};

asio::awaitable<wait_for_lease> ask(httpool::connection_pool& pool,
                                    httpool::acquire_options options) {
  const clock::time_point asked = clock::now();
  auto [error, lease] = co_await pool.async_acquire(options, asio::as_tuple(asio::use_awaitable));
  wait_for_lease seen;
  seen.waited = clock::now() - asked;
  seen.error = error;
  if (!error) {
    seen.connection = lease.id();
    lease.keep_alive(true);
  }
  co_return seen;
}

answer get_now(asio::thread_pool& threads, httpool::client& client,
               httpool::send_options options = {}) {
  return asio::co_spawn(threads, get(client, "/", options), asio::use_future).get();
}

} // namespace

timed_out_waiter let_a_waiter_time_out(httpool::server_threads& service_b) {
  constexpr auto allowed = 100ms;
  constexpr auto held_for = 150ms;
  asio::thread_pool threads(1);
  httpool::connection_pool pool(threads, service_b.local_endpoint(),
                                {.max_connections = 1, .observer = page_observer()});
  const shown on_page(pool);

  // As long as this lease lasts, everybody else has to wait.
  httpool::lease held = pool.async_acquire(asio::use_future).get();
  const clock::time_point start = clock::now();
  auto impatient = asio::co_spawn(threads, ask(pool, {.timeout = allowed}), asio::use_future);
  auto patient = asio::co_spawn(threads, ask(pool, {}), asio::use_future);
  const wait_for_lease gave_up = impatient.get();
  wait_until("the patient task waits", [&] { return pool.stats().waiting == 1; });
  std::this_thread::sleep_until(start + held_for);

  timed_out_waiter seen;
  seen.held = held_for;
  seen.held_connection = held.id();
  held.keep_alive(true); // nothing was said on it: it is as good as new
  held.reset();
  const wait_for_lease stayed = patient.get();
  pool.async_drain(asio::use_future).get();

  seen.allowed = allowed;
  seen.waited = gave_up.waited;
  seen.error = gave_up.error;
  seen.patient_waited = stayed.waited;
  seen.patient_error = stayed.error;
  seen.patient_connection = stayed.connection;
  return seen;
}

killed_while_idle kill_idle_connections(httpool::server_threads& service_b) {
  asio::thread_pool threads(1);
  httpool::client_options options;
  options.pool.observer = page_observer();
  httpool::client client = make_client(threads, service_b.local_endpoint(), options);
  const shown on_page(client);
  const auto kill = [&](std::uint64_t connection) {
    service_b.close_connection(connection);
    wait_until("ServiceB has closed it", [&] { return service_b.stats().open == 0; });
  };

  killed_while_idle seen;
  seen.before = get_now(threads, client);
  kill(seen.before.server_connection);
  seen.after_kill = get_now(threads, client);
  kill(seen.after_kill.server_connection);
  seen.noticed_after = wait_until("the pool has missed its connection",
                                  [&] { return client.pool().stats().idle == 0; });
  seen.after_notice = get_now(threads, client);
  seen.peer_closed = client.pool().stats().closed(httpool::close_reason::peer_closed);
  client.pool().async_drain(asio::use_future).get();
  return seen;
}

silent_peer_found probe_a_silent_peer(httpool::server_threads& service_b) {
  constexpr auto interval = 100ms;
  constexpr auto timeout = 500ms;
  constexpr auto unprobed_limit = 300ms;
  silent_peer_found seen;
  seen.interval = interval;
  seen.timeout = timeout;
  seen.unprobed_limit = unprobed_limit;
  silent_peer peer;
  asio::thread_pool threads(1);

  httpool::client trusting = make_client(threads, peer.local_endpoint());
  get_now(threads, trusting);
  seen.unprobed = get_now(threads, trusting, {.timeout = unprobed_limit});
  trusting.pool().async_drain(asio::use_future).get();
  wait_until("the peer has seen the end", [&] { return peer.closed_by_client() == 1; });

  httpool::client_options options;
  options.pool.probe = httpool::http_probe("silent-peer", "/", interval, timeout);
  options.pool.observer = page_observer("probing");
  httpool::client probing = make_client(threads, peer.local_endpoint(), options);
  const shown on_page(probing, "probing");
  const std::size_t ignored_before = peer.ignored_bytes();
  const std::size_t closed_before = peer.closed_by_client();
  const clock::time_point sent = clock::now();
  seen.first_connection = get_now(threads, probing).connection;
  wait_until("the probe has failed", [&] {
    return probing.pool().stats().closed(httpool::close_reason::probe_failed) == 1;
  });
  seen.removed_after = clock::now() - sent;
  seen.probe_failed = probing.pool().stats().probes_failed;
  wait_until("the peer has seen the end", [&] { return peer.closed_by_client() > closed_before; });
  seen.closed_by_client = peer.closed_by_client() - closed_before;
  seen.ignored_bytes = peer.ignored_bytes() - ignored_before;
  seen.next = get_now(threads, probing);
  probing.pool().async_drain(asio::use_future).get();

  options.pool.probe = httpool::http_probe("service-b", "/healthz", interval, timeout);
  options.pool.observer = page_observer("healthy");
  httpool::client healthy = make_client(threads, service_b.local_endpoint(), options);
  const shown healthy_on_page(healthy, "healthy");
  seen.good_connection = get_now(threads, healthy).connection;
  wait_until("ServiceB has answered three probes", [&] {
    const httpool::pool_stats stats = healthy.pool().stats();
    seen.good_probes = stats.probes - stats.probes_failed;
    return seen.good_probes >= 3 && stats.idle == 1; // none is under way
  });
  seen.after_good_probes = get_now(threads, healthy);
  healthy.pool().async_drain(asio::use_future).get();
  return seen;
}

} // namespace demo
