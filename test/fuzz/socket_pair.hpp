// A connection within the process, one end of which is a socket of Asio and the other the target's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <string>
#include <string_view>

namespace httpool_fuzz {

/// The far end of a connection: what the peer does. Nothing here waits.
class far_end {
public:
  far_end() noexcept = default;
  explicit far_end(int descriptor) noexcept : descriptor_(descriptor) {}
  far_end(far_end&& other) noexcept;
  far_end& operator=(far_end&& other) noexcept;
  ~far_end();

  bool is_open() const noexcept { return descriptor_ >= 0; }

  /// False if it cannot be sent, since the other end has gone.
  bool send(std::string_view text) noexcept;

  /// Sends no more.
  void finish() noexcept;

  /// What has come in, appended; false at the end of what the other end sends.
  bool receive(std::string& to);

private:
  int descriptor_ = -1;
};

/// Two connected sockets: `near` gets one, and the other is yielded.
far_end connect(boost::asio::ip::tcp::socket& near);

/// Runs what is ready, and what becomes so.
void settle(boost::asio::io_context& context);

} // namespace httpool_fuzz
