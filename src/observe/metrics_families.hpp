// Which figures there are, by name.
#pragma once

#include "observe/exposition.hpp"

#include <httpool/pool_stats.hpp>
#include <httpool/server_options.hpp>

#include <vector>

namespace httpool::detail {

/// The figures of one pool at one moment.
struct pool_figures {
  label_text labels;
  pool_stats stats;
};

/// The same of a server.
struct server_figures {
  label_text labels;
  server_stats stats;
};

void write_pools(exposition& out, const std::vector<pool_figures>& all);
void write_servers(exposition& out, const std::vector<server_figures>& all);

} // namespace httpool::detail
