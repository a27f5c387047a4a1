// Encrypted requests for which the transport has no room at once.

#include "net/tls_loop.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>

#include <algorithm>
#include <cerrno>
#include <initializer_list>
#include <limits>
#include <string>

#include <sys/socket.h>

namespace {

using sizes = std::initializer_list<std::size_t>;

constexpr std::size_t any = std::numeric_limits<std::size_t>::max();

/// What sockets take before they fail, or have no room for a moment.
std::size_t room = any;
int failure = EAGAIN;
bool is_for_good = false;

struct narrow {
  explicit narrow(std::size_t bytes, int then = EAGAIN, bool for_good = false) noexcept {
    room = bytes;
    failure = then;
    is_for_good = for_good;
  }
  narrow(const narrow&) = delete;
  narrow& operator=(const narrow&) = delete;
  ~narrow() { room = any; }
};

} // namespace

// What one buffer is sent with.
extern "C" ssize_t send(int socket, const void* from, std::size_t size, int flags) {
  if (room == 0) {
    if (failure != EAGAIN)
      ::shutdown(socket, SHUT_RDWR);
    if (!is_for_good) // the system would not say that there is room again, as there always was
      room = any;
    errno = failure;
    return -1;
  }
  const ssize_t sent = ::sendto(socket, from, std::min(size, room), flags, nullptr, 0);
  if (sent > 0 && room != any)
    room -= static_cast<std::size_t>(sent);
  return sent;
}

using namespace client_test;

namespace {

request put(std::size_t size) {
  request message("PUT", "/orders");
  message.body(std::string(size, 'o'));
  return message;
}

struct without_room : tls_loop {
  /// Starts a call whose request finds room for so many bytes.
  call start_with(std::size_t bytes, client& sender, request message, int then = EAGAIN) {
    const narrow within(bytes, then);
    return start(sender, std::move(message));
  }

  void check_heard(const tls_peer& peer, std::size_t count, std::size_t size) {
    BOOST_TEST(peer.heard.size() == count);
    BOOST_TEST(peer.heard.back().ends_with("\r\n\r\n" + std::string(size, 'o')));
  }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(a_record_is_cut_anywhere_and_the_rest_follows, without_room) {
  tls_peer peer(context, good(), {serves()});
  client sender(context, https_to(peer), trusting());
  warm_up(sender);
  std::size_t heard = 1;
  for (const std::size_t size : sizes{0, 100, 16'000}) {
    for (const std::size_t bytes : sizes{0, 1, 4, 5, 6, 50, 100, 101, 5'000, 16'050}) {
      const call sent = start_with(bytes, sender, put(size));
      BOOST_TEST(end_of(sent).error == error_code());
      BOOST_TEST(sent->response.attempts() == 1u);
      check_heard(peer, ++heard, size);
      BOOST_TEST(sender.pool().stats().idle == 1u);
    }
  }
  BOOST_TEST(sender.pool().stats().made == 1u);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(small_records_leave_with_the_first_of_them, without_room) {
  tls_options settings = trust();
  settings.customize = [](SSL_CTX* handle) { SSL_CTX_set_max_send_fragment(handle, 512); };
  tls_peer peer(context, good(), {serves()});
  client sender(context, https_to(peer), over(settings));
  warm_up(sender);
  std::size_t heard = 1;
  for (const std::size_t bytes : sizes{0, 100, 512, 600, 1'600}) {
    BOOST_TEST(end_of(start_with(bytes, sender, put(2'000))).error == error_code());
    check_heard(peer, ++heard, 2'000);
  }
  BOOST_TEST(sender.pool().stats().made == 1u);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(what_takes_more_than_a_record_is_sent_too, without_room) {
  tls_peer peer(context, good(), {serves()});
  client sender(context, https_to(peer), trusting());
  warm_up(sender);
  std::size_t heard = 1;
  for (const std::size_t size : sizes{16'200, 16'384, 20'000, 60'000}) {
    BOOST_TEST(send(sender, put(size)).error == error_code());
    check_heard(peer, ++heard, size);
  }
  BOOST_TEST(sender.pool().stats().made == 1u);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(a_call_that_is_cancelled_with_half_a_record_sent_costs_its_connection,
                        without_room) {
  for (const std::size_t bytes : sizes{0, 1, 50}) {
    tls_peer peer(context, good(), {serves()});
    client sender(context, https_to(peer), trusting());
    warm_up(sender);
    asio::cancellation_signal signal;
    const auto result = std::make_shared<outcome>();
    {
      const narrow within(bytes, EAGAIN, true);
      sender.async_send(put(1'000), asio::bind_cancellation_slot(signal.slot(), into(result)));
      signal.emit(asio::cancellation_type::terminal);
    }
    BOOST_TEST(end_of(result).error == error_code(asio::error::operation_aborted));
    BOOST_TEST(until([&] { return sender.pool().stats().total() == 0; }));
    BOOST_TEST(peer.heard.size() == 1u);
    BOOST_TEST(send(sender, get()).error == error_code());
    BOOST_TEST(sender.pool().stats().made == 2u);
    check_nothing_is_left(*this, sender, peer);
  }
}

BOOST_FIXTURE_TEST_CASE(a_request_that_fails_to_leave_is_sent_over_a_fresh_connection,
                        without_room) {
  tls_peer peer(context, good(), {serves()});
  client sender(context, https_to(peer), trusting());
  for (const std::size_t bytes : sizes{0, 1, 50}) {
    warm_up(sender);
    const call sent = start_with(bytes, sender, put(100), EPIPE);
    BOOST_TEST(end_of(sent).error == error_code());
    BOOST_TEST(sent->response.attempts() == 2u);
  }
  check_nothing_is_left(*this, sender, peer);
}
