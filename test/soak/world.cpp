#include "soak/world.hpp"

#include "net/descriptors.hpp"
#include "tls_fixture/server_certificates.hpp"

#include <httpool/proxy.hpp>
#include <httpool/tls_client.hpp>

#include <boost/asio/use_future.hpp>
#include <boost/system/system_error.hpp>

#include <future>

namespace httpool_test::soak {
namespace {

using namespace std::chrono_literals;

constexpr int callers_each = 8;
constexpr auto patience = 60s;

httpool::client_options usual_options() {
  httpool::client_options options;
  options.pool.max_connections = world::max_connections;
  options.pool.dial_backoff = 10ms;
  options.pool.max_dial_backoff = 200ms;
  options.pool.dial_timeout = 1s;
  options.pool.idle_timeout = 1s;
  options.pool.max_lifetime = 5s;
  return options;
}

} // namespace

world::world(std::uint64_t seed, const tls::authority& root)
    : dice_(seed),
      lives_{{{restarting_server(), clock::now() + 1s},
              {restarting_server(
                   httpool::tls_server::create(tls::options_of({root.issue({"127.0.0.1"})}))),
               clock::now() + 2s}}},
      proxy_(peers_, lives_[0].server.port()),
      bad_(peers_, seed) {
  const auto to = [](httpool::scheme by, std::uint16_t port) {
    return httpool::origin{by, "127.0.0.1", port};
  };
  const std::uint16_t plain = lives_[0].server.port(), secure = lives_[1].server.port();
  httpool::client_options options = usual_options();
  const auto add = [&](const httpool::origin& where, bool peer_is_good) {
    clients_.push_back(std::make_unique<httpool::client>(callers_, where, options));
    start_callers(callers_, *clients_.back(), callers_each, peer_is_good, sum_);
  };
  add(to(httpool::scheme::http, plain), true);
  add(to(httpool::scheme::http, bad_.port()), false);
  options.proxies.http = httpool::proxy("http://127.0.0.1:" + std::to_string(proxy_.port()));
  options.proxies.tunnel_http = true;
  add(to(httpool::scheme::http, plain), true);
  options = usual_options();
  httpool::tls_options trust;
  trust.trust_system = false;
  trust.ca_pem = root.root_pem();
  options.pool.tls = httpool::tls_client::create(trust);
  add(to(httpool::scheme::https, secure), true);

  threads_.emplace_back([this] { peers_.run(); });
  for (int i = 0; i < 2; ++i)
    threads_.emplace_back([this] { callers_.run(); });
}

void world::disturb(clock::time_point now) {
  for (life& each : lives_)
    if (now >= each.next)
      begin_or_end(each, now);
  if (now >= next_limits_) {
    change_limits();
    next_limits_ = now + 100ms;
  }
}

void world::begin_or_end(life& of, clock::time_point now) {
  if (!of.server.is_there()) {
    of.server.start();
    of.next = now + 1s + roll() % 2'000 * 1ms;
    return;
  }
  ++restarts_;
  if (roll() % 2 == 0)
    of.server.stop();
  else
    of.server.kill();
  of.next = now + roll() % 300 * 1ms;
}

void world::change_limits() {
  httpool::pool_limits limits;
  limits.max_connections = 2 + roll() % (max_connections - 1);
  limits.max_waiters = roll() % 16;
  limits.min_idle = roll() % 3;
  limits.max_dials = 1 + roll() % 8;
  clients_[roll() % clients_.size()]->pool().set_limits(limits);
}

sample world::look(clock::time_point began) const {
  sample seen;
  seen.seconds = std::chrono::duration<double>(clock::now() - began).count();
  seen.resident_mib = resident_mib();
  seen.descriptors = descriptors();
  for (const auto& each : clients_) {
    const httpool::pool_stats s = each->pool().stats();
    seen.leased += s.leased;
    seen.idle += s.idle;
    seen.dialing += s.dialing;
    seen.waiting += s.waiting;
  }
  seen.answered = sum_.answered;
  seen.failed = sum_.failed;
  return seen;
}

std::vector<std::string> world::close() {
  std::vector<std::string> problems;
  for (life& each : lives_)
    if (!each.server.is_there())
      each.server.start();
  sum_.is_over = true;
  if (sum_.all_ended.get_future().wait_for(patience) != std::future_status::ready)
    problems.push_back(std::to_string(sum_.callers) + " calls do not end");
  for (const auto& each : clients_)
    try {
      each->async_drain(std::chrono::nanoseconds(patience), boost::asio::use_future).get();
    } catch (const boost::system::system_error& e) {
      problems.push_back(std::string("a client does not drain: ") + e.what());
    }
  proxy_.stop();
  bad_.stop();
  for (life& each : lives_)
    each.server.kill();
  for (std::thread& each : threads_)
    each.join(); // Each context runs out of work, or this hangs.
  check_figures(problems);
  return problems;
}

void world::check_figures(std::vector<std::string>& problems) {
  const auto expect = [&problems](bool is_so, const std::string& otherwise) {
    if (!is_so)
      problems.push_back(otherwise);
  };
  expect(sum_.wrong == 0, std::to_string(sum_.wrong) + " answers were another's");
  expect(sum_.late == 0, std::to_string(sum_.late) + " calls ended long after their deadline");
  expect(sum_.begun == sum_.ended(), "calls have not ended once each");
  for (const auto& each : clients_) {
    const httpool::pool_stats s = each->pool().stats();
    expect(s.total() == 0 && s.waiting == 0, "a pool is not empty");
    expect(s.made == s.closed(), "connections were made and not closed");
    expect(s.acquires == s.granted + s.timed_out + s.cancelled + s.failed + s.refused,
           "a pool's figures do not add up");
    expect(s.peak_total <= max_connections, "a pool had too many connections");
  }
}

} // namespace httpool_test::soak
