#include "tls/secure_stream.hpp"

#include <httpool/websocket.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/error.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <mutex>
#include <utility>

namespace httpool {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::beast::role_type;
using boost::system::error_code;

namespace detail {

namespace {

/// How long a peer may take to end a connection that nothing more is to be said on.
constexpr auto most_wait = std::chrono::seconds(2);

void say_end(stream& of) noexcept {
  if (secure_stream* const secure = stream_access::secure(of))
    secure->say_end();
}

/// Shuts the transport down when the time is up. That may come on another thread than the
/// teardown's end, after which the socket is the lease's again, and may be gone: hence the lock.
class time_limit : public std::enable_shared_from_this<time_limit> {
public:
  explicit time_limit(stream& of) : stream_(&of), timer_(of.get_executor(), most_wait) {}

  void start() {
    timer_.async_wait([self = shared_from_this()](error_code) { self->come(); });
  }

  /// Returns whether it was too late.
  bool stop() {
    const std::lock_guard lock(mutex_);
    stream_ = nullptr;
    timer_.cancel();
    return has_come_;
  }

private:
  void come() {
    const std::lock_guard lock(mutex_);
    if (!stream_)
      return;
    has_come_ = true;
    beast_close_socket(*stream_);
  }

  std::mutex mutex_;
  stream* stream_;
  asio::steady_timer timer_;
  bool has_come_ = false;
};

/// The steps of a teardown.
struct teardown_operation {
  stream& of;
  role_type role;
  std::shared_ptr<time_limit> limit = std::make_shared<time_limit>(of);
  std::unique_ptr<std::array<char, 2048>> discarded = std::make_unique<std::array<char, 2048>>();

  /// The end of TLS needs room, for it is said at once or not at all.
  template <class Self>
  void operator()(Self& self) {
    self.reset_cancellation_state(asio::enable_total_cancellation());
    limit->start();
    of.lowest_layer().async_wait(tcp::socket::wait_write, std::move(self));
  }

  /// What comes after the end of TLS is for nobody to decrypt.
  template <class Self>
  void operator()(Self& self, error_code ec) {
    if (ec)
      return end(self, ec);
    say_end(of);
    if (role == role_type::server)
      of.lowest_layer().shutdown(tcp::socket::shutdown_send, ec);
    (*this)(self, error_code(), 0);
  }

  template <class Self>
  void operator()(Self& self, error_code ec, std::size_t) {
    if (!ec && self.cancelled() != asio::cancellation_type::none)
      ec = asio::error::operation_aborted;
    if (ec)
      return end(self, ec);
    const auto room = asio::buffer(*discarded);
    of.lowest_layer().async_read_some(room, std::move(self));
  }

  template <class Self>
  void end(Self& self, error_code ec) {
    const bool is_late = limit->stop();
    beast_close_socket(of);
    if (is_late)
      ec = boost::beast::error::timeout;
    else if (ec == asio::error::eof || ec == asio::error::connection_reset)
      ec = {};
    self.complete(ec);
  }
};

} // namespace

void start_teardown(role_type role, stream& of, teardown_handler handler) {
  asio::async_compose<teardown_handler, void(error_code)>(teardown_operation{of, role}, handler,
                                                          of.lowest_layer());
}

} // namespace detail

void teardown(role_type, stream& of, error_code& ec) noexcept {
  detail::say_end(of);
  beast_close_socket(of);
  ec = {};
}

void beast_close_socket(stream& of) noexcept {
  error_code ignored; // it may have been shut down already
  of.lowest_layer().shutdown(tcp::socket::shutdown_both, ignored);
}

} // namespace httpool
