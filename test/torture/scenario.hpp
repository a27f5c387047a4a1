// The scenarios that faults strike.
#pragma once

#include "torture/bench.hpp"

#include <string>
#include <utility>
#include <vector>

namespace torture {

/// What is tried again with each fault at each point. It makes what it needs, waits until all of it
/// has ended, checks that the library works again, and leaves nothing behind.
struct scenario {
  std::string name;
  void (*run)(bench&);
};

std::vector<scenario> pool_scenarios();
std::vector<scenario> client_scenarios();
std::vector<scenario> upload_scenarios();
std::vector<scenario> server_scenarios();

/// Asks a pool for a connection.
template <class Handler>
void acquire(const std::shared_ptr<httpool::detail::pool_core>& from, Handler&& handler) {
  asio::async_initiate<Handler, void(error_code, httpool::lease)>(
      httpool::detail::initiate_acquire{from}, handler, httpool::acquire_options());
}

/// Options of pools in scenarios: patient, so that whoever is forgotten is found to wait, and with
/// hooks.
httpool::pool_options patient_options(bench& in);

} // namespace torture
