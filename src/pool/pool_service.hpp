// Ends the waiting operations of all pools of an execution context when that is destroyed.
#pragma once

#include "pool/core.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/intrusive/list.hpp>

#include <condition_variable>
#include <memory>
#include <mutex>

namespace httpool::detail {

class pool_service : public boost::asio::execution_context::service {
public:
  using key_type = pool_service;
  static boost::asio::execution_context::id id;

  explicit pool_service(boost::asio::execution_context& context) : service(context) {}

  /// That of the executor's context.
  static pool_service& of(const boost::asio::any_io_executor& executor);

  void add(pool_core& core);

  /// Forgets a core, which may have got no further than to be made.
  void remove(pool_core& core) noexcept;

private:
  void shutdown() override;
  std::shared_ptr<pool_core> take_next();

  std::mutex mutex_;
  std::condition_variable is_empty_;
  boost::intrusive::list<pool_core> cores_;
};

} // namespace httpool::detail
