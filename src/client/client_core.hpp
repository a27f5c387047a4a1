// What a client and its exchanges share: the pools of its origins, and the calls under way.
#pragma once

#include "client/exchange_counts.hpp"
#include "client/recycler.hpp"
#include "client/turns.hpp"
#include "pool/core.hpp"
#include "pool/ticket_table.hpp"

#include <httpool/client.hpp>
#include <httpool/origin.hpp>
#include <httpool/proxy.hpp>
#include <httpool/request.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/system/result.hpp>

#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace httpool::detail {

class client_core;
class pipelines;

/// Tells a client which of its pools may be empty.
struct origin_owner final : pool_owner {
  origin_owner(std::weak_ptr<client_core> of, origin pool_of) noexcept
      : client(std::move(of)), where(std::move(pool_of)) {}

  void emptied(pool_core& pool) noexcept override;

  const std::weak_ptr<client_core> client;
  const origin where;
};

/// How requests for one origin are addressed: as to the origin itself, or as to a proxy that
/// forwards them.
struct addressing {
  /// Makes `message`, whose target is in origin-form or `*`, what is sent. Fields that are meant
  /// for proxies reach no other (RFC 9110 §11.7.2).
  void apply(request& message) const;

  std::string host;              ///< The value of the `Host` field.
  std::string forwarded_to = {}; ///< What stands before the target, if a proxy forwards;
  std::string credentials = {};  ///< what that is told of who asks, if anything.
};

/// The connections to one origin. Apart from the client's table only exchanges share it: it is in
/// use as long as one does.
struct origin_pool {
  origin_pool(std::shared_ptr<origin_owner> told, addressing how, std::shared_ptr<pool_core> pool,
              std::shared_ptr<pipelines> by_many, std::shared_ptr<exchange_counts> counts) noexcept
      : owner(std::move(told)),
        address(std::move(how)),
        connections(std::move(pool)),
        shared(std::move(by_many)),
        exchanges(std::move(counts)) {}

  /// A pool that is not closed goes on for the sake of its connections.
  ~origin_pool() { connections->close(); }

  origin_pool(const origin_pool&) = delete;
  origin_pool& operator=(const origin_pool&) = delete;

  const std::shared_ptr<origin_owner> owner;
  const addressing address;
  const std::shared_ptr<pool_core> connections;
  const std::shared_ptr<pipelines> shared; ///< None if each exchange has a connection alone.
  const std::shared_ptr<exchange_counts> exchanges;
};

class client_core : public std::enable_shared_from_this<client_core> {
public:
  using shared_pool = std::shared_ptr<const origin_pool>;

  static std::shared_ptr<client_core> create(boost::asio::any_io_executor executor,
                                             const origin* base, client_options given);

  /// Finds out where a request goes, and makes its target what that is asked for.
  boost::system::result<shared_pool> pool_for(request& message);

  /// Whether a request can be sent over `base` without any change.
  bool sends_as_it_is(const request& message) const noexcept;

  /// Whether exchanges with the origin that a request goes to may share connections.
  bool shares_connections(std::string_view target) const;

  /// Whoever had a pool from `pool_for` has done with it.
  void leave(shared_pool pool) noexcept;

  void cancel(ticket operation);
  void close();
  void drain(client_drain_operation& operation, duration timeout);

  /// Of a pool; not the `origin_pool`, which would be in use then.
  struct known_pool {
    origin where;
    std::shared_ptr<pool_core> connections;
    std::shared_ptr<exchange_counts> exchanges;
  };
  using pools = std::vector<known_pool>;

  pools known_pools();
  std::vector<origin_stats> stats();
  std::vector<origin_histograms> histograms();
  std::vector<origin_view> views();

  /// An origin's pool may be empty, and nobody use it.
  void look_whether_empty(const origin& where) noexcept;

  const boost::asio::any_io_executor executor;
  /// The same, if nothing stands between that and its `io_context`; else null.
  const boost::asio::io_context::executor_type* const context;
  const client_options options;
  shared_pool base;                             ///< None if there is no origin of its own.
  std::unique_ptr<connection_pool> base_handle; ///< The same, for the client's user.

  const block_store::pointer spare_blocks = block_store::create();
  const block_store::pointer spare_calls; ///< Of another size; none if not needed.

  std::atomic<std::size_t> under_way = 0; ///< Exchanges that there are.
  turns queue;                            ///< Of those that wait for a turn of `context`,
  std::atomic<time_point> sent_at = {};   ///< and when a request left last that had not waited.

  std::mutex mutex; ///< Guards all that follows, and what the calls' exchanges hold.
  ticket_table<call_operation> calls;

private:
  client_core(boost::asio::any_io_executor runs_on, client_options given);

  shared_pool make_pool(const origin& where);
  bool may_share(const origin& where) const noexcept;
  pools all_pools();
  pools close_table();

  struct known_origin {
    shared_pool pool;
    bool is_empty = false;
  };
  using known_origins = std::list<known_origin>;

  shared_pool asked_again(known_origins::iterator found) noexcept;
  shared_pool became_empty(known_origins::iterator found) noexcept;

  /// Without the client's own. A pool is never destroyed under the lock: that may run events of
  /// others, and they ask for it.
  std::unordered_map<origin, known_origins::iterator> origins_;
  known_origins in_use_; ///< Of `origins_` those that are in use or have connections,
  known_origins empty_;  ///< and the others, in the order in which they became so.
  bool is_closed_ = false;
};

} // namespace httpool::detail
