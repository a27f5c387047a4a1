// Scenarios of the pool alone.
#include "pool/core.hpp"
#include "torture/peers.hpp"
#include "torture/scenario.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace torture {

using httpool::connection_pool;
using httpool::pool_options;
using httpool::detail::dialer;
using httpool::detail::pool_core;

pool_options patient_options(bench&) {
  pool_options options;
  options.max_connections = 2;
  options.acquire_timeout = options.dial_timeout = 60s;
  options.dial_backoff = options.max_dial_backoff = 1ms;
  options.observer = bench::observer();
  return options;
}

namespace {

using core = std::shared_ptr<pool_core>;

/// A pool, which is made in spite of the fault if need be.
template <class Target>
core make_pool(bench& b, const Target& to, const pool_options& options,
               asio::any_io_executor executor = {}) {
  core made;
  if (!executor)
    executor = b.own().get_executor();
  const auto make = [&] { made = pool_core::create(executor, to, options); };
  if (!b.attempt(make)) {
    b.calm();
    make();
  }
  return made;
}

void give_back(bench& b, httpool::lease& lease) {
  const bool is_through = b.attempt([&] {
    if (lease)
      lease.keep_alive(true);
    lease = {};
  });
  b.check(is_through, "to give a connection back throws nothing");
}

void finish(bench& b, core& pool) {
  b.finish(pool);
  pool.reset();
  b.end_context();
}

/// From an empty pool, and then the kept connection.
void acquire_and_return(bench& b) {
  quiet_peer peer(b);
  b.make_context();
  core pool = make_pool(b, peer.endpoint(), patient_options(b));
  acquired first;
  acquired second;
  b.start(first, [&](auto handler) { acquire(pool, std::move(handler)); });
  b.await(first, "the first acquire");
  give_back(b, first.result);
  b.check(pool->stats().leased == 0, "the connection is back");
  b.start(second, [&](auto handler) { acquire(pool, std::move(handler)); });
  b.await(second, "the second acquire");
  give_back(b, second.result);
  b.check_end(first, "the first acquire");
  b.check_end(second, "the second acquire");
  finish(b, pool);
  b.check(peer.most() <= 2, "the peer sees no more connections than the limit");
}

/// Three callers, one connection: it is handed over, and dropped, and replaced.
void wait_and_hand_over(bench& b, asio::any_io_executor executor) {
  quiet_peer peer(b);
  pool_options options = patient_options(b);
  options.max_connections = 1;
  core pool = make_pool(b, peer.endpoint(), options, std::move(executor));
  std::array<acquired, 3> calls;
  for (acquired& each : calls)
    b.start(each, [&](auto handler) { acquire(pool, std::move(handler)); });
  for (std::size_t i = 0; i != calls.size(); ++i) {
    b.await(calls[i], "one of three acquires");
    if (i == 0)
      give_back(b, calls[i].result);
    else
      b.check(b.attempt([&] { calls[i].result = {}; }), "to drop a connection throws nothing");
  }
  for (const acquired& each : calls)
    b.check_end(each, "one of three acquires");
  finish(b, pool);
  b.check(peer.most() <= 1, "the peer sees no more connections than the limit");
}

void hand_over(bench& b) {
  b.make_context();
  wait_and_hand_over(b, b.own().get_executor());
}

void hand_over_on_a_strand(bench& b) {
  b.make_context();
  b.tolerate_lost_handlers();
  wait_and_hand_over(b, asio::make_strand(b.own().get_executor())); // which the context outlives
}

/// When nothing is to be had, a connection comes back all the same, and is kept.
void give_back_without_memory(bench& b) {
  quiet_peer peer(b);
  b.make_context();
  core pool = make_pool(b, peer.endpoint(), patient_options(b));
  acquired call;
  b.start(call, [&](auto handler) { acquire(pool, std::move(handler)); });
  b.await(call, "the acquire");
  const bool is_leased = static_cast<bool>(call.result);
  {
    const starvation everywhere;
    give_back(b, call.result);
  }
  const httpool::pool_stats after = pool->stats();
  b.check(after.leased == 0 && after.idle == (is_leased ? 1U : 0U), "the connection is idle");
  b.check_end(call, "the acquire");
  finish(b, pool);
}

/// When nothing is to be had, who waits is given what comes back, and told.
void complete_without_memory(bench& b) {
  quiet_peer peer(b);
  pool_options options = patient_options(b);
  options.max_connections = 1;
  b.make_context();
  core pool = make_pool(b, peer.endpoint(), options);
  acquired holder;
  acquired next;
  b.start(holder, [&](auto handler) { acquire(pool, std::move(handler)); });
  b.await(holder, "the first acquire");
  b.start(next, [&](auto handler) { acquire(pool, std::move(handler)); });
  {
    const bool is_due = holder.result && next.is_begun && !next.is_over();
    const starvation everywhere;
    give_back(b, holder.result);
    if (is_due)
      b.await(next, "the acquire that is served without memory");
  }
  b.await(next, "the second acquire");
  give_back(b, next.result);
  b.check_end(holder, "the first acquire");
  b.check_end(next, "the second acquire");
  finish(b, pool);
}

/// By a coroutine, whose frames need memory too.
asio::awaitable<void> use(core pool, acquired& result) {
  // Named, as GCC 12 destroys the temporaries of an awaited call twice.
  const httpool::detail::initiate_acquire initiate{std::move(pool)};
  constexpr auto token = asio::as_tuple(asio::use_awaitable);
  auto [ec, lease] =
      co_await asio::async_initiate<decltype(token), void(error_code, httpool::lease)>(
          initiate, token, httpool::acquire_options());
  ++result.calls;
  result.error = ec;
  if (lease)
    lease.keep_alive(true);
}

void acquire_in_a_coroutine(bench& b) {
  quiet_peer peer(b);
  b.make_context();
  core pool = make_pool(b, peer.endpoint(), patient_options(b));
  outcome<nothing> end;
  acquired result;
  b.start(end, [&](auto handler) {
    asio::co_spawn(
        b.own(), use(pool, result),
        asio::bind_cancellation_slot(
            handler.get_cancellation_slot(),
            [h = std::move(handler.get())](std::exception_ptr) mutable { h(error_code()); }));
  });
  b.await(end, "the coroutine");
  if (result.calls != 0)
    b.check_end(result, "the acquire of the coroutine");
  finish(b, pool);
}

asio::awaitable<std::vector<tcp::endpoint>> give(std::vector<tcp::endpoint> endpoints) {
  co_return endpoints;
}

/// A name with several addresses, the first of which refuses; and a hook within the dial.
void dial_addresses(bench& b) {
  quiet_peer peer(b);
  refusing_port nobody(b);
  pool_options options = patient_options(b);
  options.prepare = [](tcp::socket& socket) -> asio::awaitable<void> {
    hook();
    co_await asio::post(socket.get_executor(), asio::use_awaitable);
    hook();
  };
  const std::vector<tcp::endpoint> found{nobody.endpoint(), peer.endpoint()};
  dialer::host_and_port name{"several.test", 1};
  name.resolver = [&found](std::string, std::uint16_t) { return give(found); };
  b.make_context();
  core pool = make_pool(b, name, options);
  acquired call;
  b.start(call, [&](auto handler) { acquire(pool, std::move(handler)); });
  b.await(call, "the acquire");
  give_back(b, call.result);
  b.check_end(call, "the acquire");
  finish(b, pool);
}

/// A name that the system resolves, on a thread of Asio's.
void dial_name(bench& b) {
  quiet_peer peer(b);
  b.make_context();
  core pool =
      make_pool(b, dialer::host_and_port{"localhost", peer.endpoint().port()}, patient_options(b));
  acquired call;
  b.start(call, [&](auto handler) { acquire(pool, std::move(handler)); });
  b.await(call, "the acquire");
  give_back(b, call.result);
  b.check_end(call, "the acquire");
  finish(b, pool);
}

/// Nobody listens: each caller is told, and the back-off ends.
void dial_refused(bench& b) {
  refusing_port nobody(b);
  pool_options options = patient_options(b);
  b.make_context();
  core pool = make_pool(b, nobody.endpoint(), options);
  std::array<acquired, 3> calls;
  for (acquired& each : calls)
    b.start(each, [&](auto handler) { acquire(pool, std::move(handler)); });
  for (const acquired& each : calls) {
    b.await(each, "one of three acquires");
    if (each.error != httpool::error::connection_refused)
      b.check_end(each, "one of three acquires");
  }
  b.calm();
  b.until([&] { return pool->stats().total() == 0; }, "no dial is left");
  pool->close();
  pool.reset();
  b.end_context();
}

/// `min_idle`, `prewarm`, probes at once and after a suspension, watches, and a peer that hangs up.
void tend_idle_connections(bench& b) {
  quiet_peer peer(b);
  pool_options options = patient_options(b);
  options.min_idle = 1;
  options.probe.interval = 1ms;
  options.probe.timeout = 60s;
  options.probe.ask = [](httpool::lease& asked) -> asio::awaitable<bool> {
    hook();
    co_await asio::post(asked.get_executor(), asio::use_awaitable);
    hook();
    co_return true;
  };
  b.make_context();
  core pool = make_pool(b, peer.endpoint(), options);
  b.attempt([&] { pool->prewarm(2); });
  b.until([&] { return pool->stats().probes >= 2; }, "idle connections are there, and probed");
  peer.hang_up();
  b.until([&] { return pool->stats().closed() >= 1; }, "the end of the peer's is noticed");
  b.until([&] { return pool->stats().idle >= 1; }, "an idle connection is there again");
  finish(b, pool);
}

/// Idle connections, a lease and a waiter when the pool is drained.
void drain(bench& b) {
  quiet_peer peer(b);
  b.make_context();
  core pool = make_pool(b, peer.endpoint(), patient_options(b));
  acquired held;
  acquired waiting;
  drained end;
  b.start(held, [&](auto handler) { acquire(pool, std::move(handler)); });
  b.await(held, "the first acquire");
  b.start(waiting, [&](auto handler) { acquire(pool, std::move(handler)); });
  b.start(end, [&](auto handler) {
    asio::async_initiate<decltype(handler), void(error_code)>(
        httpool::detail::initiate_drain{pool}, handler, std::chrono::nanoseconds(60s));
  });
  give_back(b, held.result);
  b.await(waiting, "the acquire that the drain ends");
  waiting.result = {};
  b.await(end, "the drain");
  b.check_end(held, "the first acquire");
  if (waiting.error != httpool::error::pool_closed)
    b.check_end(waiting, "the acquire that the drain ends");
  b.check_end(end, "the drain");
  b.calm();
  pool->close();
  b.until([&] { return pool->stats().total() == 0; }, "a drained pool is empty");
  pool.reset();
  b.end_context();
}

} // namespace

std::vector<scenario> pool_scenarios() {
  return {{"acquire and return", acquire_and_return},
          {"wait, hand over", hand_over},
          {"the same on a strand", hand_over_on_a_strand},
          {"return without memory", give_back_without_memory},
          {"served without memory", complete_without_memory},
          {"acquire in a coroutine", acquire_in_a_coroutine},
          {"dial several addresses", dial_addresses},
          {"dial a name", dial_name},
          {"dial refused", dial_refused},
          {"probe, watch, prewarm", tend_idle_connections},
          {"drain", drain}};
}

} // namespace torture
