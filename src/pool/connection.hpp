// One connection, with all that belongs to it.
#pragma once

#include "dial/dialer.hpp"
#include "pool/description.hpp"
#include "pool/ledger.hpp"
#include "pool/strand.hpp"

#include <httpool/stream.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include <atomic>
#include <memory>
#include <new>
#include <source_location>
#include <utility>

namespace httpool::detail {

class pool_core;

/// A coroutine of the pool's own, a dial or a probe, that can be ended from any thread.
struct abortable {
  explicit abortable(const boost::asio::any_io_executor& executor)
      : strand(strand_of(executor)), beneath(beneath_strand(executor)) {}

  const boost::asio::any_io_executor strand;
  const boost::asio::any_io_executor beneath; ///< By which the strand is entered.
  boost::asio::cancellation_signal signal;    ///< To be used on the strand.
  bool is_aborted = false;                    ///< To be used on the strand.
  time_point deadline = time_point::max();    ///< Set before it starts.

  /// Has `function` run on the strand, but not within this call. If memory lacks for that it is
  /// destroyed: here, which throws `std::bad_alloc`, or later, when `lost` is called.
  template <class Function, class Lost>
  static void enter(const std::shared_ptr<abortable>& self, Function function, Lost lost) {
    boost::asio::post(self->beneath, [self, function = std::move(function), lost]() mutable {
      try {
        boost::asio::dispatch(self->strand, std::move(function));
      } catch (const std::bad_alloc&) {
        lost();
      }
    });
  }

  template <class Lost>
  static void abort(const std::shared_ptr<abortable>& self, Lost lost) {
    const auto end = [self] {
      self->is_aborted = true;
      self->signal.emit(boost::asio::cancellation_type::terminal);
    };
    enter(self, end, lost);
  }
};

/// Who may touch what: the ledger's part, `late`, `task` and `watch_is_armed` under the pool's
/// lock; socket, stream and buffer by the owner of the dial, the lease or the closing, or, of an
/// idle connection, under the lock.
struct connection : ledger::connection {
  connection(std::shared_ptr<pool_core> its_pool, const boost::asio::any_io_executor& executor)
      : pool(std::move(its_pool)), socket(executor) {}

  /// Which is there for as long as it has connections: so no lease has to count itself. Each event
  /// that ends a connection or gives one away may be the pool's last.
  const std::shared_ptr<pool_core> pool;
  boost::asio::ip::tcp::socket socket;
  httpool::stream stream{socket};
  dial_steps dialed;                       ///< By its dial, and by nobody after that.
  boost::asio::ip::tcp::endpoint endpoint; ///< Where its dial led to; none if to a path.
  boost::beast::flat_buffer buffer;
  std::string head; ///< Of the request that is being written: lent, so that its memory stays.
  std::atomic<bool> late = false;  ///< Its lessee or dial was cut off; written under the lock.
  std::source_location where = {}; ///< Of whoever has acquired it.
  bool watch_is_armed = false;     ///< A wait for readability is pending.
  bool is_unseen = false;          ///< Nobody has looked at it since it was used.
  bool began_coarsely = false;     ///< Its lease did, by the coarse clock: so it ends, too.
  std::shared_ptr<abortable> task; ///< Its dial or probe.
  time_point probe_ends_by = {};   ///< While a probe has it.
  connection* next = nullptr;      ///< In a list of what one event decided.
  description used_for;            ///< Said by its owner, and read by anybody.
};

} // namespace httpool::detail
