// What does a call of a client, as far as a cancellation has to know it.
#pragma once

#include <httpool/detail/cancellable.hpp>

#include <memory>

namespace httpool::detail {

class pipelined_call;
class pool_core;

/// What is left of a cancellation, to be done outside the client's lock.
struct cancelled {
  ticket acquire = {};                         ///< To be cancelled,
  std::shared_ptr<pool_core> connections = {}; ///< in here.
  std::shared_ptr<pipelined_call> call = {};   ///< To be ended.
};

class call_run {
public:
  /// Under the client's lock.
  virtual void cancel(cancelled& rest) noexcept = 0;

protected:
  ~call_run() = default;
};

} // namespace httpool::detail
