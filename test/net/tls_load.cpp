// Many requests over TLS, of which some are cancelled whenever it happens, and some responses are
// dropped half read: nothing is left of them, and nobody gets what another has asked for.

#include "net/tls_echo_server.hpp"
#include "net/tls_loop.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <array>
#include <list>
#include <optional>
#include <random>

#include <malloc.h>

using namespace client_test;

namespace {

constexpr unsigned quick_run = 5'000;
constexpr unsigned whole_run = 100'000;
constexpr std::size_t callers = 32;

struct pending_call {
  std::string target;
  asio::cancellation_signal cancel;
  bool is_cancelled = false;
  std::optional<std::chrono::nanoseconds> time; ///< Its deadline.
  response_stream stream;                       ///< Of those that are read piece by piece.
  std::array<char, 700> room;
  std::size_t taken = 0;
};

/// Bytes in use that were allocated: large blocks have mappings of their own.
std::size_t memory_in_use() {
  const auto figures = mallinfo2();
  return figures.uordblks + figures.hblkhd;
}

/// Keeps `callers` calls under way. One of them is cancelled, at whichever step it is, in one of 16
/// turns of the loop. One in four reads its response piece by piece, and may drop it at any.
struct load {
  using place = std::list<pending_call>::iterator;

  load(asio::io_context& runs, client& over) : context(runs), sender(over) {}

  void run(unsigned requests) {
    const unsigned last = next + requests;
    while (next != last || !calls.empty()) {
      while (next != last && calls.size() < callers)
        begin();
      if (dice() % 16 == 0)
        cancel_one();
      if (context.poll_one() == 0)
        context.run_one_for(5ms);
      context.restart();
    }
  }

  template <class Handler>
  static auto cancellable(place self, Handler handler) {
    return asio::bind_cancellation_slot(self->cancel.slot(), std::move(handler));
  }

  void begin() {
    calls.emplace_back();
    const place self = std::prev(calls.end());
    self->target = std::string("/").append(std::to_string(next++));
    send_options how;
    if (dice() % 64 == 0)
      how.timeout = self->time = std::chrono::microseconds(dice() % 2000);
    if (dice() % 4 == 0)
      sender.async_open(get(self->target), how,
                        cancellable(self, [this, self](error_code ec, response_stream got) {
                          self->stream = std::move(got);
                          ec ? end(self, ec) : read(self);
                        }));
    else
      sender.async_send(get(self->target), how,
                        cancellable(self, [this, self](error_code ec, client_response got) {
                          mistaken += !ec && got.body() != echo_of(self->target);
                          end(self, ec);
                        }));
  }

  void read(place self) {
    if (dice() % 4 == 0) {
      ++dropped;
      calls.erase(self);
      return;
    }
    self->stream.async_read_some(
        asio::buffer(self->room), cancellable(self, [this, self](error_code ec, std::size_t size) {
          const std::string whole = echo_of(self->target);
          mistaken += whole.compare(self->taken, size, self->room.data(), size) != 0;
          self->taken += size;
          if (!ec)
            return read(self);
          mistaken += ec == asio::error::eof && self->taken != whole.size();
          end(self, ec == asio::error::eof ? error_code() : ec);
        }));
  }

  void end(place self, error_code ec) {
    if (!ec) {
      ++answered;
    } else if (ec == asio::error::operation_aborted) {
      cancelled += self->is_cancelled;
      BOOST_TEST(self->is_cancelled);
    } else {
      late += ec == httpool::errc::timeout;
      if (ec != httpool::errc::timeout)
        BOOST_ERROR(self->target << " failed: " << ec.message() << ", its time being "
                                 << (self->time ? self->time->count() : 0) << " ns");
    }
    calls.erase(self);
  }

  void cancel_one() {
    if (calls.empty())
      return;
    const place unlucky = std::next(calls.begin(), static_cast<long>(dice() % calls.size()));
    unlucky->is_cancelled = true;
    unlucky->cancel.emit(asio::cancellation_type::total);
  }

  asio::io_context& context;
  client& sender;
  std::mt19937 dice{5};
  std::list<pending_call> calls;
  unsigned next = 0;
  unsigned answered = 0;
  unsigned cancelled = 0;
  unsigned dropped = 0;
  unsigned late = 0;
  unsigned mistaken = 0;
};

} // namespace

BOOST_FIXTURE_TEST_CASE(a_load_with_cancellations_leaves_nothing_behind, tls_loop) {
  const unsigned requests = is_whole_run() ? whole_run : quick_run;
  const tcp::socket reactor(context); // which has descriptors of its own
  const std::size_t descriptors_before = descriptors();
  {
    tls_echo_server server(root.issue({"127.0.0.1"}));
    client_options options = trusting();
    options.pool.max_connections = 8;
    client sender(context, server.origin(), options);
    load calls(context, sender);
    calls.run(requests / 2);
    settle();
    const std::size_t memory_before = memory_in_use();
    calls.run(requests / 2);
    settle();
    const std::size_t memory = memory_in_use();
    BOOST_TEST(memory <= memory_before + 1024 * 1024);
    BOOST_TEST(calls.mistaken == 0u);
    BOOST_TEST(calls.answered + calls.cancelled + calls.dropped + calls.late == requests);
    BOOST_TEST(calls.cancelled > requests / 100);
    BOOST_TEST(calls.dropped > requests / 20);
    const auto stats = options.pool.tls->stats();
    BOOST_TEST_MESSAGE(requests << " requests: " << calls.answered << " answered, "
                                << calls.cancelled << " cancelled, " << calls.dropped
                                << " dropped, " << calls.late << " late; " << stats.full_handshakes
                                << " full handshakes, " << stats.resumptions << " resumptions, "
                                << stats.failures << " given up; memory in use grew by "
                                << static_cast<long>(memory) - static_cast<long>(memory_before)
                                << " bytes in the second half");
    sender.close();
    BOOST_TEST(until([&] { return sender.pool().stats().total() == 0; }));
  }
  BOOST_TEST(until([&] { return descriptors() <= descriptors_before; }));
}
