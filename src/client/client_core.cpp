#include "client/client_core.hpp"

#include "checked_executor.hpp"
#include "client/call_run.hpp"
#include "client/check_options.hpp"
#include "client/pipelined_call.hpp"
#include "client/pipelines.hpp"
#include "client/probe_with.hpp"
#include "dial/socks5.hpp"
#include "http1/basic_credentials.hpp"

#include <httpool/error.hpp>
#include <httpool/url.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <new>
#include <stdexcept>

namespace httpool::detail {
namespace {

/// Whether a proxy is sent the requests for an origin as they are, instead of opening a tunnel.
bool forwards(const proxy* by, const origin& where, const proxy_settings& proxies) noexcept {
  return by && !proxies.tunnel_http && where.scheme() == scheme::http &&
         by->kind() != proxy_kind::socks5;
}

bool can_be_told(const proxy* by, const origin& where) noexcept {
  return !by || by->kind() != proxy_kind::socks5 || where.host().size() <= longest_socks_name;
}

addressing addressing_of(const origin& where, const proxy* by, bool is_forwarded) {
  addressing made{where.authority()};
  if (is_forwarded) {
    made.forwarded_to = "http://" + made.host;
    if (by->has_credentials())
      made.credentials = http1::basic_credentials(by->user(), by->password());
  }
  return made;
}

dialer::target target_of(const origin& where, const proxy* by, bool is_forwarded) {
  if (is_forwarded)
    return dialer::host_and_port{by->host(), by->port()};
  if (where.scheme() == scheme::http_unix)
    return dialer::unix_path{std::string(where.socket_path())};
  return dialer::host_and_port{std::string(where.host()), where.port()};
}

/// Whom TLS is spoken with at the other end of the connection that a pool makes: the origin, or a
/// proxy that forwards.
std::shared_ptr<tls_client> tls_for(const origin& where, const proxy* by, bool is_forwarded,
                                    const std::shared_ptr<tls_client>& origins) {
  if (where.scheme() == scheme::https)
    return origins;
  return is_forwarded && by->kind() == proxy_kind::https ? by->tls() : nullptr;
}

} // namespace

void addressing::apply(request& message) const {
  message.fields().erase("Proxy-Connection");
  if (forwarded_to.empty()) {
    message.fields().erase("Proxy-Authorization");
    return;
  }
  // For the origin as a whole there is no path (RFC 9112 §3.2.4).
  const std::string_view path = message.target();
  if (path == "*" && message.method() != "OPTIONS")
    return; // which is refused
  message.target(path == "*" ? forwarded_to : forwarded_to + std::string(path));
  if (message.fields().contains("Host"))
    message.fields().set("Host", host); // it must not differ from the target (RFC 9112 §3.2)
  if (!credentials.empty() && !message.fields().contains("Proxy-Authorization"))
    message.fields().set("Proxy-Authorization", credentials);
}

std::shared_ptr<client_core> client_core::create(boost::asio::any_io_executor executor,
                                                 const origin* base, client_options given) {
  if (base && base->scheme() == scheme::https && !given.pool.tls)
    throw std::invalid_argument("httpool: pool.tls is null, but the origin is " +
                                base->to_string());
  std::shared_ptr<client_core> core(
      new client_core(checked_executor(std::move(executor)), std::move(given)));
  if (base) {
    core->base = core->make_pool(*base);
    core->base_handle.reset(new connection_pool(core->base->connections));
  }
  return core;
}

client_core::client_core(boost::asio::any_io_executor runs_on, client_options given)
    : executor(std::move(runs_on)),
      context(executor.target<boost::asio::io_context::executor_type>()),
      options(checked(std::move(given))),
      spare_calls(options.pipeline_depth > 1 ? block_store::create() : nullptr) {}

client_core::shared_pool client_core::make_pool(const origin& where) {
  const proxy* const by = options.proxies.proxy_for(where);
  const bool is_forwarded = forwards(by, where, options.proxies);
  addressing address = addressing_of(where, by, is_forwarded);
  pool_options wanted = options.pool;
  wanted.tls = tls_for(where, by, is_forwarded, options.pool.tls);
  if (by && !is_forwarded)
    wanted.proxy = *by;
  if (!options.probe_path.empty()) {
    request question("HEAD", options.probe_path);
    address.apply(question);
    wanted.probe = probe_with(std::move(question), address.host, options.pool.probe);
  }
  const auto owner = std::make_shared<origin_owner>(weak_from_this(), where);
  const auto connections =
      pool_core::create(executor, target_of(where, by, is_forwarded), std::move(wanted), owner);
  try {
    auto shared = may_share(where) ? std::make_shared<pipelines>(connections, options) : nullptr;
    return std::make_shared<const origin_pool>(
        owner, std::move(address), connections, std::move(shared),
        std::make_shared<exchange_counts>(options.pool.metrics));
  } catch (...) {
    connections->close(); // or it would go on for the sake of those that it has begun to dial
    throw;
  }
}

/// Whether exchanges with an origin may share connections: none that are encrypted.
bool client_core::may_share(const origin& where) const noexcept {
  if (options.pipeline_depth == 1 || where.scheme() == scheme::https)
    return false;
  const proxy* const by = options.proxies.proxy_for(where);
  return !by || by->kind() != proxy_kind::https;
}

bool client_core::shares_connections(std::string_view target) const {
  if (target.starts_with('/') || target == "*")
    return base && base->shared;
  const boost::system::result<url> parsed = parse_url(target);
  return parsed && may_share(parsed->origin());
}

bool client_core::sends_as_it_is(const request& message) const noexcept {
  const std::string_view target = message.target();
  const fields& own = message.fields();
  return base && base->address.forwarded_to.empty() && (target.starts_with('/') || target == "*") &&
         (own.empty() ||
          (!own.contains("Proxy-Connection") && !own.contains("Proxy-Authorization")));
}

boost::system::result<client_core::shared_pool> client_core::pool_for(request& message) {
  const std::string_view target = message.target();
  if (target.starts_with('/') || target == "*") {
    if (!base)
      return error::url_without_host;
    return base;
  }
  const boost::system::result<url> parsed = parse_url(target);
  if (!parsed)
    return parsed.error();
  message.target(parsed->target());
  const origin& where = parsed->origin();
  if (where.scheme() == scheme::https && !options.pool.tls)
    return error::tls_not_configured;
  if (!can_be_told(options.proxies.proxy_for(where), where))
    return error::name_not_found;
  if (base && base->owner->where == where)
    return base;
  shared_pool made;
  known_origins entry;
  for (;;) {
    shared_pool found_pool;
    bool is_refused = false;
    {
      const std::lock_guard lock(mutex);
      if (const auto found = origins_.find(where); found != origins_.end())
        found_pool = asked_again(found->second);
      is_refused = is_closed_;
      if (!found_pool && !is_refused && made) {
        origins_.emplace(where, entry.begin());
        in_use_.splice(in_use_.end(), entry);
        return made;
      }
    }
    if (is_refused) {
      leave(std::move(found_pool));
      return error::pool_closed;
    }
    if (found_pool)
      return found_pool;
    made = make_pool(where);
    entry.push_back({made});
  }
}

/// Under the lock.
client_core::shared_pool client_core::asked_again(known_origins::iterator found) noexcept {
  if (std::exchange(found->is_empty, false))
    in_use_.splice(in_use_.end(), empty_, found);
  return found->pool;
}

/// Under the lock: an origin has no connection, nor anybody who wants one. Gives the pool of the
/// one that has been so for the longest if there are too many of these.
client_core::shared_pool client_core::became_empty(known_origins::iterator found) noexcept {
  if (!std::exchange(found->is_empty, true))
    empty_.splice(empty_.end(), in_use_, found);
  if (empty_.size() <= options.remembered_origins)
    return nullptr;
  shared_pool forgotten = std::move(empty_.front().pool);
  origins_.erase(forgotten->owner->where);
  empty_.pop_front();
  return forgotten;
}

void client_core::leave(shared_pool pool) noexcept {
  if (!pool || pool == base)
    return;
  shared_pool last;
  {
    const std::lock_guard lock(mutex);
    const auto found = origins_.find(pool->owner->where);
    const bool is_known = found != origins_.end() && found->second->pool == pool;
    if (is_known && pool.use_count() == 2 && pool->connections->is_empty())
      last = became_empty(found->second);
    if (pool.use_count() == 1)
      last = std::move(pool);
    pool.reset();
  }
}

void origin_owner::emptied(pool_core&) noexcept {
  if (const auto core = client.lock())
    core->look_whether_empty(where);
}

/// Whom the table alone holds nobody else can get hold of meanwhile.
void client_core::look_whether_empty(const origin& where) noexcept {
  shared_pool last;
  {
    const std::lock_guard lock(mutex);
    const auto found = origins_.find(where);
    if (found != origins_.end() && found->second->pool.use_count() == 1 &&
        found->second->pool->connections->is_empty())
      last = became_empty(found->second);
  }
}

void client_core::cancel(ticket wanted) {
  cancelled rest;
  {
    const std::lock_guard lock(mutex);
    if (call_operation* operation = calls.find(wanted)) {
      operation->is_cancelled = true;
      if (operation->run)
        operation->run->cancel(rest);
    }
  }
  if (rest.acquire)
    rest.connections->cancel_acquire(rest.acquire);
  if (rest.call)
    rest.call->cancelled_by_caller();
}

/// To be called under the lock.
client_core::pools client_core::all_pools() {
  pools all;
  if (base)
    all.push_back({base->owner->where, base->connections, base->exchanges});
  for (const known_origins* const some : {&in_use_, &empty_}) {
    for (const known_origin& each : *some)
      all.push_back({each.pool->owner->where, each.pool->connections, each.pool->exchanges});
  }
  return all;
}

/// The pools that there are; there will be no others. Closed ones stay in the table, since their
/// exchanges may have to be waited for.
client_core::pools client_core::close_table() {
  const std::lock_guard lock(mutex);
  is_closed_ = true;
  return all_pools();
}

void client_core::close() {
  for (const known_pool& each : close_table())
    each.connections->close();
}

client_core::pools client_core::known_pools() {
  const std::lock_guard lock(mutex);
  return all_pools();
}

std::vector<origin_stats> client_core::stats() {
  std::vector<origin_stats> all;
  for (const known_pool& each : known_pools())
    all.push_back({each.where, each.connections->stats(), each.exchanges->stats()});
  return all;
}

std::vector<origin_histograms> client_core::histograms() {
  std::vector<origin_histograms> all;
  for (const known_pool& each : known_pools())
    all.push_back({each.where, each.connections->histograms(), each.exchanges->histograms()});
  return all;
}

std::vector<origin_view> client_core::views() {
  std::vector<origin_view> all;
  for (const known_pool& each : known_pools())
    all.push_back({each.where, each.connections->view()});
  return all;
}

// Draining ----------------------------------------------------------------------------------------

namespace {

/// Completes a client's drain when those of all its pools have ended, or abandons it when they are.
class drains_of_all {
public:
  explicit drains_of_all(client_drain_operation& operation) noexcept : operation_(&operation) {}
  drains_of_all(const drains_of_all&) = delete;
  drains_of_all& operator=(const drains_of_all&) = delete;

  ~drains_of_all() {
    if (!has_ended_)
      operation_->abandon();
  }

  void expect(std::size_t count) noexcept { left_ = count; }

  void ended(boost::system::error_code ec) {
    if (ec)
      is_late_ = true;
    if (--left_ != 0)
      return;
    has_ended_ = true;
    operation_->complete(is_late_ ? make_error_code(boost::asio::error::timed_out)
                                  : boost::system::error_code());
  }

private:
  client_drain_operation* const operation_;
  std::atomic<std::size_t> left_ = 0;
  std::atomic<bool> is_late_ = false;
  std::atomic<bool> has_ended_ = false;
};

struct pool_drained {
  std::shared_ptr<drains_of_all> all;

  void operator()(boost::system::error_code ec) const { all->ended(ec); }
};

} // namespace

void client_core::drain(client_drain_operation& operation, duration timeout) {
  std::shared_ptr<drains_of_all> all;
  try {
    all = std::make_shared<drains_of_all>(operation);
  } catch (const std::bad_alloc&) {
    return operation.complete(boost::asio::error::no_memory);
  }
  const pools known = close_table();
  all->expect(known.size() + 1);
  for (const known_pool& each : known)
    each.connections->drain(
        *handler_operation<drain_operation, pool_drained>::create(pool_drained{all}, executor),
        timeout);
  all->ended({});
}

} // namespace httpool::detail
