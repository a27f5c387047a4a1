#include "server/core.hpp"

#include "checked_executor.hpp"
#include "server/check_options.hpp"

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <exception>
#include <new>
#include <sstream>
#include <utility>

#include <sys/socket.h>

namespace httpool::detail {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::chrono::milliseconds shortage_pause(100);
constexpr int accepts_a_turn = 64;

/// For how long a connection that is idle keeps what the next request would need.
constexpr std::chrono::milliseconds warm_time(500);

/// Of each kind, in their order.
std::array<deadlines::clock::duration, deadlines::kinds>
lengths_of_deadlines(const server_options& options) {
  const auto warm = std::min<deadlines::clock::duration>(options.idle_timeout, warm_time);
  return {warm,
          options.idle_timeout - warm,
          options.head_timeout,
          options.body_timeout,
          options.linger_timeout,
          options.handshake_timeout};
}

using reuse_port = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

void listen(asio::ip::tcp::acceptor& acceptor, const asio::ip::tcp::endpoint& at, bool share_port) {
  error_code ec;
  const auto attempt = [&](auto&& step) {
    if (!ec)
      step();
  };
  acceptor.open(at.protocol(), ec);
  attempt([&] { acceptor.set_option(asio::socket_base::reuse_address(true), ec); });
  if (share_port)
    attempt([&] { acceptor.set_option(reuse_port(true), ec); });
  attempt([&] { acceptor.bind(at, ec); });
  attempt([&] { acceptor.listen(asio::socket_base::max_listen_connections, ec); });
  attempt([&] { acceptor.non_blocking(true, ec); });
  if (ec) {
    std::ostringstream what;
    what << "cannot listen on " << at;
    // Without the source location that Asio attaches: it means nothing to who reads the message.
    throw boost::system::system_error({ec.value(), ec.category()}, what.str());
  }
}

bool is_shortage(const error_code& ec) {
  return ec == asio::error::no_descriptors || ec == asio::error::no_buffer_space ||
         ec == asio::error::no_memory || ec == boost::system::errc::too_many_files_open_in_system;
}

} // namespace

server_core::server_core(asio::any_io_executor executor, const tcp::endpoint& at,
                         server_handler handler, server_options options,
                         std::shared_ptr<quota> places)
    : executor_(checked_executor(std::move(executor))),
      handler_(std::move(handler)),
      options_(std::move(options)),
      places_(std::move(places)),
      deadlines_(std::make_shared<deadlines>(executor_, lengths_of_deadlines(options_))),
      acceptor_(executor_),
      pause_(executor_),
      drained_(executor_),
      closing_(executor_) {
  check_options(options_);
  listen(acceptor_, at, options_.reuse_port);
  local_ = acceptor_.local_endpoint();
}

void server_core::share_port() {
  acceptor_.set_option(reuse_port(true));
}

server_core::~server_core() {
  places_->forget(place_waiter_);
  stops_.clear_and_dispose(abandoner());
}

void server_core::start() {
  await_close();
  wait_for_client();
}

// Nothing ends accepting while the server listens: it would be deaf from then on. So it is no
// coroutine, and the memory for its waits is reserved.
void server_core::wait_for_client() {
  acceptor_.async_wait(tcp::acceptor::wait_read,
                       asio::bind_allocator(wait_room::allocator<void>(accept_room_),
                                            [self = shared_from_this()](const error_code&) {
                                              self->accept_waiting();
                                            }));
}

void server_core::pause_accepting() {
  try {
    pause_.async_wait(asio::bind_allocator(
        wait_room::allocator<void>(accept_room_),
        [self = shared_from_this()](const error_code&) { self->accept_waiting(); }));
  } catch (const std::bad_alloc&) { // Asio's list of timers cannot grow
    wait_for_client();
  }
}

// Accepts who is there, and waits for others, for a place, or for what the system is short of.
void server_core::accept_waiting() {
  bool is_short = false;
  try {
    for (int i = 0; i < accepts_a_turn && acceptor_.is_open(); ++i) {
      pause_.set(wakeable_timer::time_point::max());
      place room = places_->take(place_waiter_);
      if (!room)
        return pause_accepting();
      tcp::socket socket(executor_);
      tcp::endpoint peer;
      error_code ec;
      acceptor_.accept(socket, peer, ec);
      if (!ec)
        begin(std::move(socket), peer, std::move(room));
      is_short = is_shortage(ec);
      if (is_short || ec == asio::error::would_block || ec == asio::error::try_again)
        break;
    }
  } catch (const std::exception&) {
    is_short = true;
  }
  if (!acceptor_.is_open())
    return;
  if (!is_short)
    return wait_for_client();
  ++counters_.accept_pauses;
  pause_.set(wakeable_timer::time_point::clock::now() + shortage_pause);
  pause_accepting();
}

void server_core::begin(tcp::socket socket, const tcp::endpoint& peer, place room) {
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.set_option(tcp::no_delay(true), ignored);
  room.open();
  ++counters_.accepted;
  request_context context;
  context.connection_id = places_->next_id();
  context.peer = peer;
  const auto served = std::make_shared<server_connection>(shared_from_this(), std::move(room),
                                                          std::move(socket), context);
  connections_.push_back(*served);
  asio::co_spawn(executor_, server_connection::run(served), asio::detached);
}

server_stats server_core::stats() const noexcept {
  server_stats figures;
  figures.accepted = counters_.accepted;
  figures.open = places_->open();
  figures.peak_open = places_->peak();
  figures.requests = counters_.requests;
  figures.refused = counters_.refused;
  figures.timed_out = counters_.timed_out;
  figures.handler_failures = counters_.handler_failures;
  figures.writes = counters_.writes;
  figures.accept_pauses = counters_.accept_pauses;
  return figures;
}

void server_core::close_connection(std::uint64_t id) {
  asio::post(executor_, [self = shared_from_this(), id] {
    for (server_connection& each : self->connections_)
      if (each.id() == id) {
        each.abort();
        return;
      }
  });
}

// Waits from the start, so that to close needs no memory.
void server_core::await_close() {
  closing_.async_wait(asio::bind_allocator(wait_room::allocator<void>(closing_room_),
                                           [weak = weak_from_this()](const error_code&) {
                                             if (const auto self = weak.lock())
                                               self->close_now();
                                           }));
}

void server_core::close() noexcept try {
  closing_.wake();
  // Nobody waits if all is closed, or if the executor, such as a strand, had no memory to be told.
  if (!closing_room_->is_taken())
    await_close();
} catch (const std::bad_alloc&) {
  // The context will close what there is.
}

void server_core::close_now() noexcept {
  stopping_ = true;
  was_cut_ = was_cut_ || owes_answers();
  stop_listening();
  abort_connections();
  if (connections_.empty())
    drained();
}

void server_core::stop(stop_operation& operation) {
  asio::post(executor_,
             [self = shared_from_this(), operation = stop_pointer(&operation)]() mutable {
               self->wait_for_stop(std::move(operation));
             });
}

void server_core::wait_for_stop(stop_pointer operation) {
  begin_stop();
  stops_.push_back(*operation.release());
  if (std::exchange(awaits_drained_, true))
    return;
  try {
    drained_.async_wait(asio::bind_allocator(wait_room::allocator<void>(drained_room_),
                                             [self = shared_from_this()](const error_code&) {
                                               self->awaits_drained_ = false;
                                               self->complete_stops(self->end_stop());
                                             }));
  } catch (const std::bad_alloc&) {
    awaits_drained_ = false;
    abort_connections();
    complete_stops(asio::error::no_memory);
  }
}

void server_core::complete_stops(error_code ec) {
  while (!stops_.empty()) {
    stop_operation& operation = stops_.front();
    stops_.pop_front();
    try {
      operation.complete(ec);
    } catch (const std::bad_alloc&) {
      // Its executor, such as a strand, had no memory for it: the others are told all the same.
    }
  }
}

void server_core::begin_stop() {
  if (!stopping_) {
    stopping_ = true;
    stop_listening();
    drained_.expires_after(options_.drain_timeout);
    for (server_connection& each : connections_)
      each.nudge();
    if (connections_.empty())
      drained();
  }
}

error_code server_core::end_stop() {
  was_cut_ = was_cut_ || owes_answers();
  abort_connections();
  return was_cut_ ? asio::error::timed_out : error_code();
}

bool server_core::owes_answers() const noexcept {
  return std::any_of(connections_.begin(), connections_.end(),
                     [](const server_connection& each) { return each.owes_answer(); });
}

void server_core::stop_listening() noexcept {
  error_code ignored;
  acceptor_.close(ignored);
  pause_.wake();
}

void server_core::abort_connections() noexcept {
  for (server_connection& each : connections_)
    each.abort();
}

// Wakes who waits for it, and lets who comes later not wait.
void server_core::drained() noexcept {
  closing_.wake();
  deadlines_->stop();
  drained_.expires_at(asio::steady_timer::time_point::min());
}

void server_core::on_connection_closed() noexcept {
  if (stopping_ && connections_.empty())
    drained();
}

} // namespace httpool::detail
