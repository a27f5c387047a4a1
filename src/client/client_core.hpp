// What a client and its exchanges share.
#pragma once

#include "pool/core.hpp"
#include "pool/ticket_table.hpp"

#include <httpool/client.hpp>

#include <memory>
#include <mutex>
#include <string>

namespace httpool::detail {

class client_core : public std::enable_shared_from_this<client_core> {
public:
  client_core(boost::asio::any_io_executor executor, const std::string& host, std::uint16_t port,
              client_options given);

  void cancel(ticket operation);

  connection_pool pool;
  const std::shared_ptr<pool_core> connections; ///< What is behind `pool`.
  const client_options options;
  const std::string host; ///< The value of the `Host` field.

  std::mutex mutex; ///< Guards the table, and what its operations' exchanges hold.
  ticket_table<call_operation> calls;
};

} // namespace httpool::detail
