#include "torture/bench.hpp"

#include "pool/core.hpp"
#include "torture/scenario.hpp"

#include <httpool/error.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>

#include <poll.h>

namespace torture {
namespace {

/// A turn in which nobody has anything to do waits so long.
constexpr auto pause = 1ms;

class hooked_observer final : public httpool::pool_observer {
public:
  void connection_made(std::uint64_t, std::chrono::nanoseconds) override { hook(); }
  void dial_failed(error_code, std::chrono::nanoseconds) override { hook(); }
  void connection_closed(std::uint64_t, httpool::close_reason, std::uint64_t) override { hook(); }
  void acquire_granted(std::uint64_t, std::chrono::nanoseconds, std::uint64_t) override { hook(); }
  void acquire_failed(error_code, std::chrono::nanoseconds,
                      const httpool::pool_snapshot&) override {
    hook();
  }
  void probed(std::uint64_t, bool, std::chrono::nanoseconds) override { hook(); }
};

bool is_explained(const error_code& ec, fault_kind by) {
  using httpool::error;
  switch (by) {
  case fault_kind::memory:
  case fault_kind::famine:
    return ec == asio::error::no_memory;
  case fault_kind::openssl:
    return ec == asio::error::no_memory || ec.category() == asio::error::get_ssl_category() ||
           ec == error::connection_closed || ec == error::certificate_error;
  case fault_kind::hook:
    return ec == error::body_source_failed || ec == error::prepare_failed;
  case fault_kind::descriptor:
  case fault_kind::dearth:
    return ec == asio::error::no_descriptors;
  case fault_kind::cancel:
  case fault_kind::cancel_partly:
  case fault_kind::cancel_totally:
    return ec == asio::error::operation_aborted;
  case fault_kind::none:
    return false;
  }
  return false;
}

} // namespace

std::shared_ptr<httpool::pool_observer> bench::observer() {
  const exposure spared(false);
  static const auto one = std::make_shared<hooked_observer>();
  return one;
}

void bench::make_context() {
  if (!attempt([&] { own_.emplace(1); }))
    own_.emplace(1);
}

/// One handler of the library's, and all that its peers have to do. False if there was neither.
bool bench::turn() {
  std::size_t done = 0;
  {
    const exposure spared(false);
    peers_.restart();
    done += peers_.poll();
  }
  std::size_t own_done = 0;
  try {
    const exposure exposed;
    own_->restart();
    own_done = own_->poll_one();
  } catch (const std::bad_alloc&) {
    ++escaped_;
    own_done = 1;
  }
  if (own_done != 0) {
    ++counted().steps;
    if (const auto type = cancellation_due(); type != asio::cancellation_type::none)
      for (asio::cancellation_signal& each : signals_)
        each.emit(type);
  }
  return done + own_done != 0;
}

bool bench::turn_until(bool (*holds)(void*), void* condition, clock::duration patience) {
  const auto end = clock::now() + patience;
  while (!holds(condition)) {
    const bool is_busy = turn();
    if (clock::now() > end)
      return false;
    if (!is_busy)
      ::poll(nullptr, 0, static_cast<int>(pause / 1ms));
  }
  return true;
}

void bench::check(bool holds, const char* what) {
  if (!holds)
    complain(std::string("not so: ").append(what));
}

void bench::complain(std::string what) {
  const exposure spared(false);
  complaints_.push_back(std::move(what));
}

void bench::check_error(const error_code& ec, const char* what) {
  const exposure spared(false);
  if (!ec || is_explained(ec, struck_kind()))
    return;
  complain(std::string(what).append(" ended with: ").append(ec.message()));
}

void bench::finish(const std::shared_ptr<httpool::detail::pool_core>& pool) {
  calm();
  until(
      [&] {
        const httpool::pool_stats s = pool->stats();
        return s.leased + s.waiting + s.dialing + s.closing == 0;
      },
      "the counts of the pool are at rest");
  acquired last;
  acquire(pool, reporter<httpool::lease>(last));
  await(last, "an acquire when all is well again");
  check(last.is_good(), "the pool works again");
  if (last.result)
    last.result.keep_alive(true);
  last.result = {};
  until(
      [&] {
        const httpool::pool_stats s = pool->stats();
        return s.leased + s.waiting + s.dialing + s.closing == 0;
      },
      "nothing is left in use");
  const httpool::pool_stats s = pool->stats();
  check(s.acquires == s.granted + s.timed_out + s.cancelled + s.failed + s.refused + s.waiting,
        "acquires add up");
  check(s.dials == s.made + s.dials_failed + s.dialing, "dials add up");
  check(s.made == s.idle + s.leased + s.closed(), "connections add up");
  check(s.peak_total <= s.max_connections, "the limit holds");
  pool->close();
  until([&] { return pool->stats().total() == 0; }, "a closed pool is empty");
}

void bench::end_context() {
  until(
      [&] {
        own_->restart();
        own_->poll();
        return own_->stopped();
      },
      "the context runs out of work");
  own_.reset();
}

} // namespace torture
