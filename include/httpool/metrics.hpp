/// \file
/// The figures of pools, clients and servers as text that monitoring systems read.
#pragma once

#include <httpool/detail/export.hpp>
#include <httpool/server_options.hpp>

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace httpool {

class client;
class connection_pool;

/// How figures are written.
enum class metrics_format : std::uint8_t {
  prometheus_text, ///< Prometheus's text format 0.0.4.
  openmetrics_text ///< OpenMetrics 1.0.
};

/// The value of the `Content-Type` field for what `metrics_registry::render` gives.
HTTPOOL_EXPORT std::string_view content_type_of(metrics_format format) noexcept;

/// What an `Accept` field asks for, given as one value: OpenMetrics if that is preferred to plain
/// text, or else Prometheus's text format, as without such a field.
HTTPOOL_EXPORT metrics_format metrics_format_for(std::string_view accept) noexcept;

/// What tells the figures of one thing from those of another.
struct metric_label {
  std::string name;  ///< Letters, digits and underscores, not a digit first nor two underscores.
  std::string value; ///< Any text; with none there is no such label.
};

/// Gathers the figures of pools, clients and servers whenever they are asked for, and writes them
/// as text. What each means, its unit, and what to do about it: `doc/operations.md`.
///
/// \par Thread safety
/// All members may be called from any thread at any time, but for the destructor, which must be
/// alone.
///
/// \code
/// httpool::metrics_registry metrics;
/// metrics.add(client);
/// httpool::server server(context, at, [&](const httpool::request& asked) {
///   const auto format = httpool::metrics_format_for(asked.fields().value("Accept"));
///   return httpool::response(200, metrics.render(format), httpool::content_type_of(format));
/// });
/// \endcode
class HTTPOOL_EXPORT metrics_registry {
public:
  /// Knows of nothing yet.
  metrics_registry();

  /// Forgets all of it.
  ~metrics_registry();

  metrics_registry(const metrics_registry&) = delete;
  metrics_registry& operator=(const metrics_registry&) = delete;

  /// Adds a pool, whose figures have its `server_address` and `server_port` beside `labels`. When
  /// it is destroyed it is forgotten.
  ///
  /// \throws std::invalid_argument if a label has a bad name or one that the figures have
  /// themselves, or if there is a pool or a client with the same labels already: give each a label
  /// of its own.
  void add(const connection_pool& pool, std::vector<metric_label> labels = {});

  /// The same of a client, with all origins that it has a pool for at the time: their figures have
  /// `url_scheme`, `server_address` and `server_port`.
  void add(const client& one, std::vector<metric_label> labels = {});

  /// The same of a `server` or `server_threads`, or of whatever else has its figures, which has to
  /// be removed before it is destroyed. It is asked by one thread at a time, whichever calls
  /// `render`, without any lock but one of its own: its `stats()` may call this registry, but must
  /// not wait for a thread that is in `render` or `remove`. If it throws, its figures are left out.
  template <class Server>
  requires requires(const Server& one) {
    { one.stats() } -> std::same_as<server_stats>;
  }
  void add(const Server& one, std::vector<metric_label> labels = {}) {
    add_server(
        &one, [&one] { return one.stats(); }, std::move(labels));
  }

  /// Forgets a server. Nobody asks it for figures once this returns: it waits for who does, unless
  /// it is called from within its `stats()`.
  template <class Server>
  requires requires(const Server& one) {
    { one.stats() } -> std::same_as<server_stats>;
  }
  void remove(const Server& one) noexcept { remove_server(&one); }

  /// The figures of one moment of each that was added.
  std::string render(metrics_format format = metrics_format::prometheus_text) const;

private:
  class impl;

  void add_server(const void* one, std::function<server_stats()> stats,
                  std::vector<metric_label> labels);
  void remove_server(const void* one) noexcept;

  std::unique_ptr<impl> impl_;
};

} // namespace httpool
