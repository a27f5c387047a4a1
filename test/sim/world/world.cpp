#include "sim/world/world.hpp"

#include "sim/world/entropy.hpp"
#include "tls_fixture/certificates.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <limits>
#include <utility>

namespace httpool_sim {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t most_violations = 10;
constexpr moment longest_storm = 48 * 3'600 * second;

} // namespace

// The stage ---------------------------------------------------------------------------------------

world::world(std::uint64_t seed)
    : kernel_(seed), random_(seed ^ 0x5bd1e995u), settings_(world_settings::of(seed)) {
  make_entropy_repeatable();
  const std::size_t contexts = settings_.client_contexts + settings_.server_contexts;
  for (std::size_t i = 0; i != contexts; ++i) {
    contexts_.push_back(std::make_unique<asio::io_context>());
    work_.push_back(asio::make_work_guard(*contexts_.back()));
  }
  stalled_until_.resize(contexts);

  httpool::client_options options = settings_.client;
  if (settings_.encrypted_origins != 0) {
    const httpool_test::tls::authority root;
    const auto identity = root.issue({"10.1.0.0", "10.1.0.1"});
    httpool::tls_server_options encryption;
    encryption.certificates.emplace_back();
    encryption.certificates.back().chain_pem = identity.chain_pem;
    encryption.certificates.back().key_pem = identity.key_pem;
    encryption_ = httpool::tls_server::create(encryption);
    httpool::tls_options trust;
    trust.trust_system = false;
    trust.ca_pem = root.root_pem();
    options.pool.tls = httpool::tls_client::create(trust);
  }
  for (std::size_t i = 0; i != settings_.origins; ++i) {
    site& each = sites_.emplace_back();
    const bool is_encrypted = i < settings_.encrypted_origins;
    each.at = {0x0a01'0000u + static_cast<std::uint32_t>(i), 8080};
    each.context = settings_.server_contexts == 0
                       ? random_.below(contexts)
                       : settings_.client_contexts + random_.below(settings_.server_contexts);
    each.url = std::string(is_encrypted ? "https://10.1.0." : "http://10.1.0.")
                   .append(std::to_string(i))
                   .append(":8080/");
    open_site(each);
  }
  for (std::size_t i = 0; i != settings_.clients; ++i)
    clients_.push_back(
        std::make_unique<httpool::client>(client_context(random_.below(contexts)), options));
}

world::~world() = default;

asio::io_context& world::client_context(std::size_t index) {
  return *contexts_[index % settings_.client_contexts];
}

void world::open_site(site& which) {
  httpool::server_options options = settings_.server;
  if (which.url.starts_with("https"))
    options.tls = encryption_;
  which.server = std::make_unique<httpool::server>(
      *contexts_[which.context],
      asio::ip::tcp::endpoint(asio::ip::address_v4(which.at.host), which.at.port),
      [this](httpool::request asked) { return answer(std::move(asked)); }, options);
}

asio::awaitable<httpool::response> world::answer(httpool::request asked) {
  std::uint64_t id = 0;
  const std::string_view target = asked.target();
  std::from_chars(target.data() + 1, target.data() + target.size(), id);
  if (id >= exchanges_.size()) {
    complain("a request that nobody has made: " + std::string(target));
    co_return httpool::response(404);
  }
  exchange& one = exchanges_[id];
  ++one.arrivals;
  if (one.arrivals > (one.is_post ? 1 : 2))
    complain("call " + std::to_string(id) + " arrived once too often");
  if (asked.method() != (one.is_post ? "POST" : "GET") ||
      asked.body() != content(id, one.request_size))
    complain("the request of call " + std::to_string(id) + " is not what was sent");
  if (settings_.max_thinking != 0 && !is_storm_over_) {
    asio::steady_timer thinking(co_await asio::this_coro::executor);
    thinking.expires_after(std::chrono::nanoseconds(random_.between(0, settings_.max_thinking)));
    co_await thinking.async_wait(asio::use_awaitable);
  }
  httpool::response response(200, content(id, one.response_size), "text/plain");
  response.fields().set("X-Id", std::to_string(id));
  co_return response;
}

std::string world::content(std::uint64_t id, std::size_t size) {
  const std::string tag = '[' + std::to_string(id) + ']';
  std::string text;
  text.reserve(size + tag.size());
  while (text.size() < size)
    text += tag;
  text.resize(size);
  return text;
}

// Time --------------------------------------------------------------------------------------------

// One handler of one context, or what the clock brings next.
bool world::step() {
  const std::size_t first = random_.below(contexts_.size());
  for (std::size_t i = 0; i != contexts_.size(); ++i) {
    const std::size_t which = (first + i) % contexts_.size();
    if (stalled_until_[which] <= kernel_.now() && contexts_[which]->poll_one() != 0) {
      kernel_.trace(which);
      return true;
    }
  }
  return kernel_.advance();
}

template <class Condition>
bool world::until(moment end, Condition condition) {
  while (!condition()) {
    if (kernel_.now() > end || !step())
      return false;
  }
  return true;
}

void world::run_for(moment span) {
  const moment end = kernel_.now() + span;
  kernel_.at(end, [] {});
  until(std::numeric_limits<moment>::max(), [&] { return kernel_.now() >= end; });
}

// The storm ---------------------------------------------------------------------------------------

void world::change_weather() {
  if (is_storm_over_)
    return;
  kernel_.weather = draw_weather(random_);
  switch (random_.below(8)) {
  case 0:
    restart(sites_[random_.below(sites_.size())]);
    break;
  case 1:
    starve();
    break;
  case 2:
    stall();
    break;
  default:
    break;
  }
  kernel_.at(kernel_.now() + random_.between(1, settings_.weather_changes),
             [this] { change_weather(); });
}

// Its connections die, and for a while nobody listens.
void world::restart(site& which) {
  if (!which.server)
    return;
  which.server.reset();
  const auto again = [this, &which](const auto& self) -> void {
    try {
      open_site(which);
    } catch (const boost::system::system_error&) { // no descriptors
      kernel_.at(kernel_.now() + second, [self] { self(self); });
    }
  };
  kernel_.at(kernel_.now() + random_.between(0, 3 * second), [again] { again(again); });
}

// Descriptors are scarce for a while.
void world::starve() {
  kernel_.max_descriptors = kernel_.open_descriptors() + random_.below(4);
  kernel_.at(kernel_.now() + random_.between(0, second),
             [this] { kernel_.max_descriptors = 1 << 20; });
}

// A server does nothing for a while, so that its queue of connections fills.
void world::stall() {
  if (settings_.server_contexts == 0)
    return;
  const std::size_t which = settings_.client_contexts + random_.below(settings_.server_contexts);
  stalled_until_[which] = kernel_.now() + random_.between(0, 5 * second);
  kernel_.at(stalled_until_[which], [] {});
}

// What must hold ----------------------------------------------------------------------------------

void world::complain(std::string what) {
  if (report_.violations.size() < most_violations)
    report_.violations.push_back("at " + std::to_string(kernel_.now() / microsecond) +
                                 " us, after " + std::to_string(kernel_.counts.calls) +
                                 " system calls: " + std::move(what));
}

void world::check_end(const exchange& one, error_code ec) {
  ++(ec ? report_.failed : report_.answered);
  if (one.arrivals == 2)
    ++report_.repeated;
  constexpr moment lateness = 20 * millisecond;
  const moment took = kernel_.now() - one.begun;
  if (took > settings_.client.exchange_timeout.count() + lateness)
    complain("call " + std::to_string(one.id) + " took " + std::to_string(took / microsecond) +
             " us");
  // Whatever the network does, the servers of this world say nothing wrong.
  for (const auto impossible : {httpool::error::protocol_error, httpool::error::invalid_request,
                                httpool::error::head_too_large, httpool::error::body_too_large,
                                httpool::error::certificate_error, httpool::error::pool_closed}) {
    if (ec == impossible)
      complain("call " + std::to_string(one.id) + " failed: " + ec.message());
  }
}

void world::check_answer(const exchange& one, unsigned status, std::string_view id,
                         std::string_view body, bool is_whole) {
  // A server that the storm has given half a request says so, in the request's own exchange.
  if ((status == 400 || status == 408) && id.empty() && !is_storm_over_) {
    ++report_.refused;
    return;
  }
  const std::string expected = content(one.id, one.response_size);
  if (status != 200 || id != std::to_string(one.id) ||
      body != std::string_view(expected).substr(0, is_whole ? expected.size() : body.size()))
    complain("call " + std::to_string(one.id) + " got " + std::to_string(status) + " for call " +
             std::string(id) + ", with " + std::to_string(body.size()) + " bytes that begin with " +
             std::string(body.substr(0, 20)));
}

void world::check_limits() {
  const std::size_t most = settings_.clients * settings_.client.pool.max_connections;
  for (const site& each : sites_) {
    if (kernel_.tcp->clients_of(each.at).peak > most)
      complain(each.url + " had " + std::to_string(kernel_.tcp->clients_of(each.at).peak) +
               " connections");
  }
}

void world::check_baseline() {
  for (const auto& client : clients_) {
    for (const httpool::origin_stats& each : client->stats()) {
      if (each.pool.total() != 0 || each.pool.waiting != 0)
        complain("without traffic a pool has " + std::to_string(each.pool.total()) +
                 " connections and " + std::to_string(each.pool.waiting) + " waiters");
    }
  }
  for (const site& each : sites_) {
    if (kernel_.tcp->clients_of(each.at).now != 0)
      complain("without traffic there are connections to " + each.url);
  }
}

// When the storm is over, everything works again.
void world::ask_everybody() {
  settings_.calls = 0;
  for (const auto& client : clients_) {
    for (std::size_t i = 0; i != sites_.size(); ++i) {
      exchange& one = exchanges_.emplace_back();
      one.id = exchanges_.size() - 1;
      one.origin = i;
      one.begun = kernel_.now();
      one.response_size = 10;
      bool is_answered = false;
      client->async_send(httpool::request("GET", sites_[i].url + std::to_string(one.id)),
                         [&](error_code ec, const httpool::client_response& got) {
                           is_answered = true;
                           check_end(one, ec);
                           if (ec)
                             complain("after the storm, " + sites_[i].url + ": " + ec.message());
                           else
                             check_answer(one, got.status(), got.fields().value("X-Id"), got.body(),
                                          true);
                         });
      until(kernel_.now() + 60 * second, [&] { return is_answered; });
    }
  }
}

world_report world::run() {
  for (std::size_t i = 0; i != settings_.tasks; ++i)
    callers_.push_back(std::make_unique<caller>(*this, random_.next()));
  busy_callers_ = callers_.size();
  if (settings_.is_stormy)
    change_weather();
  for (const auto& each : callers_)
    each->begin();
  if (!until(longest_storm, [this] { return busy_callers_ == 0; })) {
    complain(std::to_string(busy_callers_) + " callers wait for ever");
    return report_;
  }

  is_storm_over_ = true;
  kernel_.weather = conditions();
  check_limits();
  // Until what was silent is known to be dead, and what is idle has gone.
  run_for(200 * second);
  check_baseline();
  ask_everybody();

  std::size_t draining = clients_.size();
  for (const auto& each : clients_)
    each->async_drain([&](error_code) { --draining; });
  if (!until(kernel_.now() + 60 * second, [&] { return draining == 0; }))
    complain("a client does not drain");
  std::size_t stopping = sites_.size();
  for (const site& each : sites_)
    each.server->async_stop([&](error_code) { --stopping; });
  if (!until(kernel_.now() + 60 * second, [&] { return stopping == 0; }))
    complain("a server does not stop");
  callers_.clear();
  clients_.clear();
  sites_.clear();
  work_.clear();
  run_for(second);
  for (const auto& each : contexts_) {
    if (!each->stopped())
      complain("a context has work left");
  }
  contexts_.clear();
  if (kernel_.open_descriptors() != 0)
    complain(std::to_string(kernel_.open_descriptors()) + " descriptors are left");

  report_.calls = exchanges_.size();
  report_.hash = kernel_.hash();
  report_.lasted = kernel_.now();
  report_.counts = kernel_.counts;
  return report_;
}

} // namespace httpool_sim
