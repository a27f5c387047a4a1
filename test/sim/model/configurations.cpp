#include "sim/model/configurations.hpp"

#include "sim/ledger/checked_ledger.hpp"

namespace httpool::test {
namespace {

using namespace std::chrono_literals;
using kind = event::kind;
using events_t = std::vector<event>;

/// Deadlines of a few nanoseconds that differ, so that they meet in any order.
constexpr duration patience = 30ns;

pool_options pool(std::size_t connections, std::size_t waiters) {
  pool_options o;
  o.max_connections = connections;
  o.max_waiters = waiters;
  o.max_dials = 2;
  o.dial_timeout = 40ns;
  o.dial_backoff = 10ns;
  o.max_dial_backoff = 20ns;
  o.idle_timeout = 1s;
  o.max_lifetime = for_ever;
  o.metrics = false; // They would only make the states larger.
  return o;
}

/// What no pool is without.
events_t usual() {
  return {{.what = kind::tick},        {.what = kind::acquire, .timeout = patience},
          {.what = kind::try_acquire}, {.what = kind::accept},
          {.what = kind::stale},       {.what = kind::undelivered},
          {.what = kind::returned},    {.what = kind::dropped},
          {.what = kind::dialed},      {.what = kind::dial_failed},
          {.what = kind::closed},      {.what = kind::spoke},
          {.what = kind::cancel},      {.what = kind::close}};
}

events_t with(events_t some, const events_t& more) {
  some.insert(some.end(), more.begin(), more.end());
  return some;
}

events_t retries() {
  return {{.what = kind::redial, .timeout = patience},
          {.what = kind::detached},
          {.what = kind::cancel_granted},
          {.what = kind::acquire, .timeout = patience, .dial_timeout = 20ns}};
}

events_t choices() {
  return {{.what = kind::acquire, .timeout = patience, .max_idle = 0ns},
          {.what = kind::acquire, .timeout = patience, .max_idle = 600ms},
          {.what = kind::redial, .timeout = patience}};
}

events_t shortages() {
  return {{.what = kind::no_permits},
          {.what = kind::permits},
          {.what = kind::no_memory},
          {.what = kind::evict},
          {.what = kind::acquire, .timeout = patience, .max_idle = 0ns}};
}

events_t changes() {
  return {{.what = kind::set_limits, .limits = {1, 1, 0, 1}},
          {.what = kind::set_limits, .limits = {2, 4, 1, 2}},
          {.what = kind::prewarm, .count = 2},
          {.what = kind::lease_deadline, .timeout = 15ns},
          {.what = kind::limit_idle, .max_idle = 25ns},
          {.what = kind::limit_uses, .count = 0},
          {.what = kind::end_again, .timeout = 5ns},
          {.what = kind::watch_again, .timeout = 5ns},
          {.what = kind::cut_off_all}};
}

pool_options probed(pool_options o) {
  o.min_idle = 1;
  o.probe.ask = answers_well;
  o.probe.interval = 300ms;
  o.probe.timeout = 10ns;
  return o;
}

} // namespace

std::vector<configuration> configurations() {
  const events_t probes = {{.what = kind::answered}, {.what = kind::unanswered}};
  const events_t all = with(with(with(with(usual(), retries()), choices()), shortages()), probes);
  return {
      {"1 connection, 2 waiters", pool(1, 2), 2, with(usual(), retries()), 30, 96'288},
      {"2 connections, 3 waiters", pool(2, 3), 3, usual(), 17, 139'975},
      {"2 connections, 2 waiters, retries", pool(2, 2), 2, with(usual(), retries()), 14, 156'286},
      {"2 connections, 2 waiters, choosy", pool(2, 2), 2, with(usual(), choices()), 14, 202'197},
      {"2 connections, 2 waiters, shortages", pool(2, 2), 2, with(usual(), shortages()), 14,
       188'669},
      {"2 connections, 2 waiters, probes", probed(pool(2, 2)), 2, with(usual(), probes), 14,
       218'264},
      {"2 connections, 2 waiters, changes", pool(2, 2), 2, with(usual(), changes()), 12, 320'392},
      {"3 connections, 4 waiters", pool(3, 4), 4, usual(), 15, 598'282},
      {"3 connections, 4 waiters, everything", probed(pool(3, 4)), 4, with(all, changes()), 8,
       2'517'588},
  };
}

} // namespace httpool::test
