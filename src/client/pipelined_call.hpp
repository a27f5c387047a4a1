// One call whose exchange may share its connection with others: a request that is sent before the
// responses to those ahead of it have come (RFC 9112 §9.3.2).
//
// It is owned by what it waits for: the handler of its acquire in the pool, or the pipeline that it
// has its place in. A context that is destroyed with these in it destroys the call.
#pragma once

#include "client/call_run.hpp"
#include "client/client_core.hpp"
#include "client/step_room.hpp"
#include "http1/serialize.hpp"

#include <httpool/client.hpp>

#include <boost/intrusive/list_hook.hpp>
#include <boost/system/error_code.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace httpool::detail {

class pipeline;

class pipelined_call final : public std::enable_shared_from_this<pipelined_call>,
                             public call_run,
                             public boost::intrusive::list_base_hook<> {
  struct key {};

public:
  using owner = std::shared_ptr<pipelined_call>;
  using error_code = boost::system::error_code;

  /// Whether a request without a body source may share its connection.
  static bool may_share(const client_core& client, const request& message,
                        const send_options& options);

  /// Begins, and takes the operation over. The message is the call's own.
  static void start(const std::shared_ptr<client_core>& client, send_operation& operation,
                    request&& message, const send_options& options);

  /// The same with messages of the caller's.
  static void start(const std::shared_ptr<client_core>& client, fill_operation& operation,
                    const request& message, client_response& answer, const send_options& options);

  /// For `start` alone.
  pipelined_call(key, std::shared_ptr<client_core> client, const send_options& options);
  ~pipelined_call();

  void cancel(cancelled& rest) noexcept override;

  /// The rest of a cancellation.
  void cancelled_by_caller();

  // Under the lock of the pipelines
  // -----------------------------------------------------------------

  bool is_over() const noexcept { return is_over_; }
  bool is_waiting() const noexcept { return is_waiting_; }
  bool is_replay() const noexcept { return attempts_ > 1; }
  bool awaits(std::uint64_t acquire) const noexcept {
    return !is_over_ && !is_placed_ && acquires_ == acquire;
  }

  /// Joins the queue, or has left it.
  void waits(bool is_so) noexcept { is_waiting_ = is_so; }

  /// Its acquire in the pool.
  ticket acquire_ticket() const noexcept { return acquire_ticket_; }

  /// Appends the request to `out`, which is unchanged if memory lacks, for the connection `on`.
  void append_to(std::string& out, connection& on) const;

  /// It has its place on a connection, on which its request begins at `begin`.
  void placed(pipeline& on, std::uint64_t begin, std::uint64_t connection, bool is_reused) noexcept;
  std::uint64_t begin_of_request() const noexcept { return begin_; }
  bool is_head() const noexcept { return is_head_; }

  /// Its connection has died: it waits for another.
  void displaced() noexcept;

  /// It has left its place.
  void leaves() noexcept { on_ = nullptr; }

  /// Whether this ends it: true once, and who is told that has to `tell`.
  bool end() noexcept { return !std::exchange(is_over_, true); }

  // Outside of all locks
  // ----------------------------------------------------------------------------

  /// Gives the response, whose place gets the memory of an older one.
  void take(response& from) noexcept;
  void tell(error_code ec) noexcept;

  /// Ends it, wherever it is.
  void fail(error_code ec) noexcept;

  /// Waits in the pool for a connection, a fresh one in the place of `dead` if that is one.
  static void acquire(const owner& self, lease dead = {});

  const std::shared_ptr<client_core>& client() const noexcept { return client_; }
  const client_core::shared_pool& pool() const noexcept { return pool_; }
  time_point began() const noexcept { return began_; }
  time_point deadline() const noexcept { return deadline_; }

  owner next; ///< In a chain of calls.

private:
  struct acquired;

  template <class Operation, class Fill>
  static void start(const std::shared_ptr<client_core>& client, Operation& operation,
                    const send_options& options, Fill fill);

  error_code prepare();
  void lack_memory() noexcept;
  void count(error_code ec) const noexcept;
  call_operation& operation() const noexcept;
  client_response& answer() noexcept { return *answer_; }
  const request& message() const noexcept { return *message_; }
  duration time_left() const noexcept;

  const std::shared_ptr<client_core> client_;
  client_core::shared_pool pool_;
  send_operation* send_ = nullptr; ///< Either this
  fill_operation* fill_ = nullptr; ///< or that.

  const time_point began_;
  const time_point deadline_;
  const duration acquire_timeout_;
  const std::optional<duration> dial_timeout_;

  const request* message_ = nullptr; ///< The caller's, as long as the call is not over, or
  std::optional<request> own_message_;
  client_response* answer_ = nullptr; ///< The same.
  std::optional<client_response> own_answer_;
  http1::request_head head_;
  bool is_head_ = false;

  step_room acquire_room_;

  // Under the lock of the pipelines.
  bool is_over_ = false;
  bool is_told_ = false; ///< Or about to be. Not under the lock: who has ended it tells.
  bool is_waiting_ = false;
  bool is_placed_ = false;
  bool is_reused_ = false;
  unsigned attempts_ = 1;
  std::uint64_t acquires_ = 0; ///< So many were begun: the latest counts.
  ticket acquire_ticket_;
  pipeline* on_ = nullptr;  ///< Where it is placed, until its response is there.
  std::uint64_t begin_ = 0; ///< Of its request, in all that its connection was given to write.
  std::uint64_t connection_id_ = 0;
};

/// Calls in order, first in, first out.
class call_chain {
public:
  using owner = pipelined_call::owner;

  call_chain() = default;
  call_chain(call_chain&& other) noexcept
      : first_(std::move(other.first_)),
        last_(std::exchange(other.last_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  call_chain& operator=(call_chain&&) = delete;
  ~call_chain() {
    while (pop()) {
    }
  }

  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  const owner& front() const noexcept { return first_; }

  template <class Action>
  void each(Action action) const {
    for (const pipelined_call* call = first_.get(); call; call = call->next.get())
      action(*call);
  }

  void push(owner call) noexcept {
    pipelined_call* const last = call.get();
    (last_ ? last_->next : first_) = std::move(call);
    last_ = last;
    ++size_;
  }

  owner pop() noexcept {
    if (!first_)
      return nullptr;
    owner taken = std::move(first_);
    first_ = std::move(taken->next);
    if (!first_)
      last_ = nullptr;
    --size_;
    return taken;
  }

private:
  owner first_;
  pipelined_call* last_ = nullptr;
  std::size_t size_ = 0;
};

} // namespace httpool::detail
