// The beginning and the end of a pipeline, and how it reads.

#include "client/pipeline.hpp"

#include "client/exchange.hpp"
#include "client/keep_alive_hint.hpp"
#include "client/pipeline_steps.hpp"
#include "client/pipelines.hpp"
#include "pool/connection.hpp"
#include "pool/socket_calls.hpp"

#include <httpool/error.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <utility>

namespace httpool::detail {
namespace {

namespace asio = boost::asio;

/// What is kept for the next pipeline.
constexpr std::size_t most_kept = 64 * 1024;

void empty(std::string& text) noexcept {
  text.clear();
  if (text.capacity() > most_kept)
    text = std::string();
}

} // namespace

pipeline::pipeline(http1::head_limits limits) : parser_(limits) {}

pipeline::~pipeline() {
  if (!pool_)
    return;
  {
    const guard lock(shared().mutex);
    if (is_linked())
      shared().remove(*this);
  }
  lease_.reset();
  last_.reset();
  while (const auto call = unanswered_.pop()) {
    const guard lock(shared().mutex);
    call->leaves();
  }
  client_->leave(std::move(pool_));
}

pipelines& pipeline::shared() const noexcept {
  return *pool_->shared;
}

// The beginning -----------------------------------------------------------------------------------

void pipeline::begin(const std::shared_ptr<client_core>& client,
                     const client_core::shared_pool& pool, lease& leased,
                     const pipelined_call::owner& first) {
  first->append_to(out_, pool_core::connection_of(leased));
  client_ = client;
  pool_ = pool;
  lease_ = std::move(leased);
  is_shared_ = lease_.reused() && !shared().speaks_1_0;
  was_kept_ = lease_.waited() || lease_.reused();
  limit_ = first->deadline();
  lease_.expires_at(limit_);
  was_late_ = lease_.late();
  first->placed(*this, 0, lease_.id(), lease_.reused());
  unanswered_.push(first);
  is_flush_posted_ = true;
  shared().add(*this);
}

bool pipeline::has_room(time_point now) const noexcept {
  const connection& c = pool_core::connection_of(lease_);
  const bool is_wanted = !unanswered_.empty() && !unanswered_.front()->is_over();
  return is_shared_ && !is_ending_ && !write_failed_ && is_kept_ && is_wanted && !lease_.late() &&
         unanswered_.size() < client_->options.pipeline_depth && c.uses < c.max_uses &&
         now < c.expires_at;
}

bool pipeline::add(const pipelined_call::owner& call) {
  const std::uint64_t begin = handed_ + (writing_.size() - written_) + out_.size();
  connection& c = pool_core::connection_of(lease_);
  call->append_to(out_, c);
  ++c.uses;
  call->placed(*this, begin, lease_.id(), true);
  if (call->deadline() < limit_) {
    limit_ = call->deadline();
    lease_.expires_at(limit_);
  }
  unanswered_.push(call);
  const bool has_to_flush = !is_flush_posted_ && !is_writing_ && !is_in_turn_;
  is_flush_posted_ |= has_to_flush;
  return has_to_flush;
}

// The end -----------------------------------------------------------------------------------------

/// Under the lock: nobody joins from now on, and what is pending ends.
void pipeline::stop(error_code why) noexcept {
  if (is_ending_)
    return;
  is_ending_ = true;
  outcome_ = why;
  if (is_reading_ || is_writing_)
    shut_down(lease_.socket());
}

/// Under the lock, which may be left: ends the pipeline once it is to end and nothing is pending.
void pipeline::conclude(const owner& self, guard& lock) {
  pipeline& x = *self;
  if (!x.is_ending_ || x.is_reading_ || x.is_writing_ || x.is_flush_posted_ || !x.is_linked())
    return;
  x.shared().remove(x);
  lock.unlock();
  if (x.outcome_)
    x.lose();
  else
    x.give_back();
  const auto client = std::move(x.client_);
  auto pool = std::move(x.pool_);
  x.clear();
  pool->shared->keep(self); // it may be another's from here on
  client->leave(std::move(pool));
}

/// All have been answered, perhaps before their requests were written whole: the rest of one is
/// still owed then, and nobody else may write.
void pipeline::give_back() noexcept {
  lease_.keep_alive(is_kept_ && !write_failed_ && writing_.empty() && out_.empty());
  if (is_drained_)
    pool_core::end_exchange(std::move(lease_), std::chrono::steady_clock::now());
  else
    lease_.reset();
  if (const auto last = std::move(last_))
    last->tell(error_code());
}

/// The connection has died. Who may be sent again is, once, and without a byte of a response: after
/// a peer's silence, it may never have taken the request.
void pipeline::lose() noexcept {
  lease dead = std::move(lease_);
  const time_point now = std::chrono::steady_clock::now();
  const bool is_late = dead.late();
  const bool is_cut_off = is_late && !was_late_ && now < limit_;
  const bool has_served = served_ != 0 || has_begun_;
  if (!has_served && !is_cut_off && !was_late_ &&
      (is_late || (outcome_ == error::connection_closed && !was_kept_)))
    dead.avoid_endpoint();
  if (const auto last = std::move(last_))
    last->tell(error_code());
  for (bool is_first = true; const auto call = unanswered_.pop(); is_first = false) {
    const bool may_have_gone = !is_first || was_kept_ || was_late_ || served_ != 0;
    error_code told;
    if (is_late && call->deadline() <= now)
      told = error::exchange_timeout;
    else if (is_cut_off)
      told = error::pool_closed;
    else if (is_first && (has_begun_ || !may_have_gone))
      told = outcome_;
    else if (call->is_replay())
      told = error::connection_closed;
    bool has_to_tell = false;
    bool is_over = false;
    {
      const guard lock(shared().mutex);
      is_over = call->is_over();
      call->leaves();
      if (told)
        has_to_tell = call->end();
      else if (!is_over)
        call->displaced();
    }
    if (has_to_tell)
      call->tell(told);
    else if (!told && !is_over)
      send_again(call, std::exchange(dead, lease()));
  }
}

void pipeline::send_again(const pipelined_call::owner& call, lease dead) noexcept {
  try {
    pipelined_call::acquire(call, std::move(dead));
  } catch (const std::exception&) {
    call->fail(asio::error::no_memory);
  }
}

/// Leaves nothing but memory.
void pipeline::clear() noexcept {
  served_ = written_ = 0;
  handed_ = handed_before_ = 0;
  empty(out_);
  empty(writing_);
  write_failed_ = is_ending_ = false;
  is_kept_ = true;
  outcome_ = error_code();
  answer_.clear();
  if (answer_.body().capacity() > most_kept)
    answer_ = httpool::response();
  parser_.reset();
  has_begun_ = has_head_ = is_direct_ = is_drained_ = false;
}

} // namespace httpool::detail
