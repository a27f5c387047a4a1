// Which figures there are, by name.
#pragma once

#include "observe/exposition.hpp"

#include <httpool/exchange_stats.hpp>
#include <httpool/pool_histograms.hpp>
#include <httpool/pool_stats.hpp>
#include <httpool/server_options.hpp>

#include <vector>

namespace httpool::detail {

/// The figures of one pool at one moment.
struct pool_figures {
  label_text labels;
  pool_stats stats;
  pool_histograms lengths;
};

/// The same of the exchanges of a client with one origin.
struct exchange_figures {
  label_text labels;
  exchange_stats stats;
  exchange_histograms lengths;
};

/// The same of a server.
struct server_figures {
  label_text labels;
  server_stats stats;
};

void write_pools(exposition& out, const std::vector<pool_figures>& all);
void write_exchanges(exposition& out, const std::vector<exchange_figures>& all);
void write_servers(exposition& out, const std::vector<server_figures>& all);

} // namespace httpool::detail
