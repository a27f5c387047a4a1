#include "client/client_core.hpp"
#include "observe/guarded_figures.hpp"
#include "observe/metrics_families.hpp"
#include "pool/core.hpp"

#include <httpool/client.hpp>
#include <httpool/connection_pool.hpp>
#include <httpool/metrics.hpp>

#include <algorithm>
#include <array>
#include <mutex>
#include <stdexcept>
#include <utility>

namespace httpool {
namespace {

using detail::label_text;

/// Those that the figures have themselves.
constexpr std::array<std::string_view, 9> own_labels = {
    "http_connection_state", "le",          "outcome",    "reason",  "result",
    "server_address",        "server_port", "url_scheme", "quantile"};

/// In the order of their names and without empty values, which are none, so that the same labels
/// are the same text.
label_text checked(std::vector<metric_label> labels) {
  label_text made;
  std::stable_sort(labels.begin(), labels.end(),
                   [](const metric_label& a, const metric_label& b) { return a.name < b.name; });
  for (auto each = labels.begin(); each != labels.end(); ++each) {
    const auto has_same_name = [&](const metric_label& other) { return other.name == each->name; };
    if (!detail::is_label_name(each->name) ||
        std::find(own_labels.begin(), own_labels.end(), each->name) != own_labels.end() ||
        std::any_of(labels.begin(), each, has_same_name))
      throw std::invalid_argument("httpool: no figure can have a label of the name \"" +
                                  each->name + "\" besides what it has");
    if (!each->value.empty())
      made = made.with(each->name, each->value);
  }
  return made;
}

label_text with_place(label_text labels, std::string_view address, std::uint16_t port) {
  labels = labels.with("server_address", address);
  return port == 0 ? labels : labels.with("server_port", std::to_string(port));
}

const char* name_of(scheme how) noexcept {
  switch (how) {
  case scheme::http:
    return "http";
  case scheme::https:
    return "https";
  case scheme::http_unix:
    return "http+unix";
  }
  return "";
}

} // namespace

class metrics_registry::impl {
public:
  template <class Core>
  struct source {
    label_text labels;
    std::weak_ptr<Core> core;
  };
  struct server_source {
    label_text labels;
    const void* one;
    std::shared_ptr<detail::guarded_figures> figures;
  };

  void add(source<detail::pool_core> one) {
    const std::lock_guard lock(mutex_);
    insist_on_new(one.labels);
    pools_.push_back(std::move(one));
  }

  void add(source<detail::client_core> one) {
    const std::lock_guard lock(mutex_);
    insist_on_new(one.labels);
    clients_.push_back(std::move(one));
  }

  void add(server_source one) {
    const std::lock_guard lock(mutex_);
    for (const server_source& other : servers_)
      refuse_if(other.labels.text() == one.labels.text());
    servers_.push_back(std::move(one));
  }

  void remove(const void* server) noexcept {
    while (const auto figures = take(server))
      figures->revoke();
  }

  std::vector<detail::pool_figures> pools() const {
    std::vector<detail::pool_figures> all;
    for (const auto& [labels, core] : alive(pools_)) {
      const auto place = core->place();
      auto [stats, histograms] = core->figures();
      all.push_back({with_place(labels, place.host, place.port), stats, histograms});
    }
    return all;
  }

  /// Adds those of the clients' pools to `pools`.
  std::vector<detail::exchange_figures> exchanges(std::vector<detail::pool_figures>& pools) const {
    std::vector<detail::exchange_figures> all;
    for (const auto& [labels, core] : alive(clients_)) {
      for (const auto& each : core->known_pools()) {
        const label_text full = with_origin(labels, each.where);
        auto [stats, histograms] = each.connections->figures();
        pools.push_back({full, stats, histograms});
        all.push_back({full, each.exchanges->stats(), each.exchanges->histograms()});
      }
    }
    return all;
  }

  std::vector<detail::server_figures> servers() const {
    // Asked without the lock: they are of somebody who may have others, and may call this.
    std::vector<detail::server_figures> all;
    for (const server_source& each : known_servers()) {
      if (const auto stats = each.figures->ask())
        all.push_back({each.labels, *stats});
    }
    return all;
  }

private:
  static void refuse_if(bool is_known) {
    if (is_known)
      throw std::invalid_argument("httpool: there are figures with the same labels already");
  }

  std::vector<server_source> known_servers() const {
    const std::lock_guard lock(mutex_);
    return servers_;
  }

  /// Forgets one, and gives its figures; none if there is none.
  std::shared_ptr<detail::guarded_figures> take(const void* server) noexcept {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(servers_.begin(), servers_.end(),
                                    [&](const server_source& each) { return each.one == server; });
    if (found == servers_.end())
      return nullptr;
    auto figures = std::move(found->figures);
    servers_.erase(found);
    return figures;
  }

  /// Under the lock.
  void insist_on_new(const label_text& labels) {
    std::erase_if(pools_, [](const auto& each) { return each.core.expired(); });
    std::erase_if(clients_, [](const auto& each) { return each.core.expired(); });
    const auto is_same = [&](const auto& each) { return each.labels.text() == labels.text(); };
    refuse_if(std::any_of(pools_.begin(), pools_.end(), is_same) ||
              std::any_of(clients_.begin(), clients_.end(), is_same));
  }

  static label_text with_origin(const label_text& labels, const origin& where) {
    const label_text all = labels.with("url_scheme", name_of(where.scheme()));
    return where.scheme() == scheme::http_unix ? with_place(all, where.socket_path(), 0)
                                               : with_place(all, where.host(), where.port());
  }

  /// What is asked without the lock, since it may be the last that holds it.
  template <class Core>
  std::vector<std::pair<label_text, std::shared_ptr<Core>>>
  alive(const std::vector<source<Core>>& some) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::pair<label_text, std::shared_ptr<Core>>> all;
    for (const source<Core>& each : some) {
      if (auto core = each.core.lock())
        all.emplace_back(each.labels, std::move(core));
    }
    return all;
  }

  mutable std::mutex mutex_; ///< Guards what follows.
  std::vector<source<detail::pool_core>> pools_;
  std::vector<source<detail::client_core>> clients_;
  std::vector<server_source> servers_;
};

metrics_registry::metrics_registry() : impl_(std::make_unique<impl>()) {}

metrics_registry::~metrics_registry() = default;

void metrics_registry::add(const connection_pool& pool, std::vector<metric_label> labels) {
  impl_->add({checked(std::move(labels)), detail::core_of(pool)});
}

void metrics_registry::add(const client& one, std::vector<metric_label> labels) {
  impl_->add({checked(std::move(labels)), detail::core_of(one)});
}

void metrics_registry::add_server(const void* one, std::function<server_stats()> stats,
                                  std::vector<metric_label> labels) {
  impl_->add({checked(std::move(labels)), one,
              std::make_shared<detail::guarded_figures>(std::move(stats))});
}

void metrics_registry::remove_server(const void* one) noexcept {
  impl_->remove(one);
}

std::string metrics_registry::render(metrics_format format) const {
  detail::exposition out(format);
  std::vector<detail::pool_figures> pools = impl_->pools();
  const std::vector<detail::exchange_figures> exchanges = impl_->exchanges(pools);
  write_exchanges(out, exchanges);
  write_pools(out, pools);
  write_servers(out, impl_->servers());
  return std::move(out).finish();
}

} // namespace httpool
