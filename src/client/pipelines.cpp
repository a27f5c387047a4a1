#include "client/pipelines.hpp"

#include "pool/strand.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <utility>

namespace httpool::detail {
namespace {

/// Pipelines that are kept for the memory that they have; none where it would hide what is used
/// after its end.
#ifdef __SANITIZE_ADDRESS__
constexpr std::size_t most_spare = 0;
#else
constexpr std::size_t most_spare = 16;
#endif

} // namespace

using boost::system::error_code;

pipelines::pipelines(std::shared_ptr<pool_core> connections, const client_options& options)
    : connections_(std::move(connections)),
      beneath_(beneath_strand(connections_->executor())),
      limits_{options.max_head_bytes, options.max_fields} {
  spare_.reserve(most_spare);
}

pipeline::owner pipelines::make() {
  {
    const std::lock_guard lock(mutex);
    if (!spare_.empty()) {
      pipeline::owner taken = std::move(spare_.back());
      spare_.pop_back();
      return taken;
    }
  }
  return std::make_shared<pipeline>(limits_);
}

void pipelines::keep(pipeline::owner ended) noexcept {
  const std::lock_guard lock(mutex);
  if (spare_.size() < most_spare)
    spare_.push_back(std::move(ended));
}

// The queue ---------------------------------------------------------------------------------------

void pipelines::enqueue(pipelined_call& call) noexcept {
  auto at = waiting_.end();
  if (call.is_replay())
    at = std::find_if(waiting_.begin(), waiting_.end(),
                      [](const pipelined_call& each) { return !each.is_replay(); });
  waiting_.insert(at, call);
  call.waits(true);
}

void pipelines::dequeue(pipelined_call& call) noexcept {
  waiting_.erase(waiting_.iterator_to(call));
  call.waits(false);
}

void pipelines::forget(pipelined_call& call) noexcept {
  const std::lock_guard lock(mutex);
  dequeue(call);
}

/// Who is taken along by a connection that has come for another, and waits no more. One that is
/// sent again is first on its connection, or would be lost with the response ahead of it once more.
pipelines::owner pipelines::next(bool takes_replays) noexcept {
  for (pipelined_call& each : waiting_) {
    if (each.is_replay() && !takes_replays)
      continue;
    if (owner found = each.weak_from_this().lock()) {
      dequeue(each);
      return found;
    }
  }
  return nullptr;
}

// Places ------------------------------------------------------------------------------------------

pipeline::owner pipelines::roomiest(time_point now) noexcept {
  pipeline* best = nullptr;
  for (pipeline& each : open_)
    if (each.has_room(now) && (!best || each.unanswered() < best->unanswered()))
      best = &each;
  return best ? best->weak_from_this().lock() : nullptr;
}

void pipelines::place(const owner& call) {
  if (connections_->is_calm()) {
    pipeline::owner found;
    bool has_to_flush = false;
    {
      const std::lock_guard lock(mutex);
      if (waiting_.empty())
        found = roomiest(call->began());
      if (found && !call->is_over())
        has_to_flush = found->add(call);
    }
    if (has_to_flush)
      pipeline::post_flush(found);
    if (found)
      return;
  }
  if (lease leased = connections_->try_acquire(call->began(), duration::max(), call->deadline()))
    serve(call, 0, std::move(leased));
  else
    pipelined_call::acquire(call);
}

void pipelines::acquired(const owner& call, std::uint64_t number, error_code ec,
                         lease leased) noexcept {
  if (!ec) {
    try {
      return serve(call, number, std::move(leased));
    } catch (const std::bad_alloc&) {
      ec = boost::asio::error::no_memory;
    } catch (const std::length_error&) {
      ec = boost::asio::error::no_memory;
    }
  }
  bool has_to_tell = false;
  {
    const std::lock_guard lock(mutex);
    if (call->awaits(number)) {
      if (call->is_waiting())
        dequeue(*call);
      has_to_tell = call->end();
    }
  }
  if (has_to_tell)
    call->tell(ec);
}

/// What has served may die just as what the call was sent over first: a fresh connection takes its
/// place.
bool pipelines::leave_for_another(pipelined_call& call, std::uint64_t number) noexcept {
  const std::lock_guard lock(mutex);
  if (!call.awaits(number) || !call.is_replay())
    return false;
  dequeue(call);
  return true;
}

/// A lease has come: for this call, if it still waits for it, or else for the next one.
void pipelines::serve(const owner& call, std::uint64_t number, lease leased) {
  if (leased.reused() && leave_for_another(*call, number))
    return pipelined_call::acquire(call, std::move(leased));
  owner first;
  ticket unneeded;
  pipeline::owner line;
  try {
    line = make();
    const std::lock_guard lock(mutex);
    if (call->awaits(number)) {
      first = call;
      if (call->is_waiting())
        dequeue(*call);
    } else if ((first = next(!leased.reused()))) {
      unneeded = first->acquire_ticket();
    }
    if (first)
      line->begin(first->client(), first->pool(), leased, first);
  } catch (...) {
    pool_core::end_unused(std::move(leased));
    if (unneeded)
      connections_->cancel_acquire(unneeded);
    if (!first || first == call)
      throw;
    return first->fail(boost::asio::error::no_memory);
  }
  if (!first) {
    pool_core::end_unused(std::move(leased));
    return keep(std::move(line));
  }
  if (unneeded)
    connections_->cancel_acquire(unneeded);
  fill(line);
  pipeline::post_flush(line);
}

/// Takes others along, as far as there is room.
void pipelines::fill(const pipeline::owner& line) noexcept {
  const time_point now = std::chrono::steady_clock::now();
  for (;;) {
    owner more;
    ticket unneeded;
    bool is_added = true;
    {
      const std::lock_guard lock(mutex);
      if (!line->has_room(now) || !(more = next(false)))
        return;
      unneeded = more->acquire_ticket();
      try {
        line->add(more);
      } catch (const std::exception&) {
        is_added = false;
      }
    }
    connections_->cancel_acquire(unneeded);
    if (!is_added)
      more->fail(boost::asio::error::no_memory);
  }
}

} // namespace httpool::detail
