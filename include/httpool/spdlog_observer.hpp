/// \file
/// An observer that logs what a pool does; in `httpool::spdlog`, a target of its own.
#pragma once

#include <httpool/detail/export.hpp>
#include <httpool/observer.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace spdlog {
class logger;
}

namespace httpool {

/// Logs what a pool does: connections made and closed, and failed acquires, at level `info` or, for
/// what went wrong, `warn`; grants and good probes at `debug`.
///
/// \code
/// options.observer = std::make_shared<httpool::spdlog_observer>(spdlog::default_logger(),
/// "orders"); \endcode
///
/// \par Thread safety
/// As safe as the logger: use one made for several threads (`_mt`) if several threads use the pool.
class HTTPOOL_EXPORT spdlog_observer final : public pool_observer {
public:
  /// Logs to `logger`, which must not be null, with `name` before each line.
  ///
  /// \throws std::invalid_argument if `logger` is null.
  spdlog_observer(std::shared_ptr<spdlog::logger> logger, std::string name);

  void connection_made(std::uint64_t id, std::chrono::nanoseconds took) override;
  void dial_failed(boost::system::error_code error, std::chrono::nanoseconds took) override;
  void connection_closed(std::uint64_t id, close_reason reason, std::uint64_t uses) override;
  void acquire_granted(std::uint64_t id, std::chrono::nanoseconds wait,
                       std::uint64_t uses) override;
  void acquire_failed(boost::system::error_code error, std::chrono::nanoseconds wait,
                      const pool_snapshot& snapshot) override;
  void lease_overdue(const overdue_lease& lease) override;
  void probed(std::uint64_t id, bool good, std::chrono::nanoseconds took) override;

private:
  std::shared_ptr<spdlog::logger> logger_;
  std::string name_;
};

} // namespace httpool
