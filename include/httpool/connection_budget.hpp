/// \file
/// One limit of connections for several pools.
#pragma once

#include <httpool/detail/export.hpp>

#include <cstddef>
#include <memory>

namespace httpool {

namespace detail {
class budget;
} // namespace detail

/// A number of connections that several pools share: no more exist at once in all of them together,
/// whatever their state. Each pool's own `pool_options::max_connections` holds besides.
///
/// \code
/// auto budget = std::make_shared<httpool::connection_budget>(100);
/// httpool::connection_pool a(context, "a.example", 80, {.budget = budget});
/// httpool::connection_pool b(context, "b.example", 80, {.budget = budget});
/// \endcode
///
/// Dialing, idle, leased and closing connections count; one that `lease::detach` took out does not.
/// When the budget is spent, pools whose callers wait for a dial take turns, first come, first
/// served, and the connection that has been idle for the longest in any of the pools is closed for
/// whoever is next (`close_reason::evicted`). Dials for `pool_options::min_idle` and `prewarm` take
/// what is left over: no connection is closed for them.
///
/// \par Thread safety
/// All members may be called from any thread at any time. The pools may run on different contexts.
class HTTPOOL_EXPORT connection_budget {
public:
  /// \throws std::invalid_argument if `max_connections` is 0.
  explicit connection_budget(std::size_t max_connections);

  connection_budget(const connection_budget&) = delete;
  connection_budget& operator=(const connection_budget&) = delete;
  ~connection_budget();

  /// The limit.
  std::size_t max_connections() const noexcept;

  /// Connections that exist now.
  std::size_t in_use() const noexcept;

private:
  friend detail::budget& budget_of(const connection_budget& budget) noexcept;

  std::unique_ptr<detail::budget> budget_;
};

/// For the library's own use.
detail::budget& budget_of(const connection_budget& budget) noexcept;

} // namespace httpool
