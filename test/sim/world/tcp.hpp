// TCP between the sockets of one world, as tcp(7) and RFC 9293 say where a program can see it.
#pragma once

#include "sim/world/kernel.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <netinet/in.h>
#include <sys/uio.h>

namespace httpool_sim {

/// An IPv4 address and a port.
struct address {
  std::uint32_t host = 0; ///< As a number.
  std::uint16_t port = 0;

  auto operator<=>(const address&) const = default;

  sockaddr_in to_system() const;
  static address of(const sockaddr_in& from);
};

class tcp_network;
class tcp_socket;

/// What the network does to one connection; both its ends share it.
struct tcp_path {
  /// How a connection ends before its ends want it to.
  enum class ending { none, fin, reset, silence };

  moment latency = 0; ///< One way.
  moment jitter = 0;
  std::uint64_t split = 0;
  std::uint64_t partial = 0;
  ending cut_by = ending::none;
  std::size_t cut_direction = 0;     ///< 0 is from the client to the server.
  std::int64_t bytes_until_cut = -1; ///< In that direction; nothing passes there once they have.
                                     ///< If negative, it is time that cuts.
  bool is_silent = false;            ///< Nothing passes any longer.

  /// The client's and the server's, from when the server has one until both are closed.
  std::array<std::shared_ptr<tcp_socket>, 2> ends = {};
};

/// One socket: fresh, listening, or an end of a connection.
class tcp_socket final : public file, public std::enable_shared_from_this<tcp_socket> {
public:
  explicit tcp_socket(tcp_network& network) noexcept : network_(network) {}

  std::uint32_t readiness() const override;
  void closed() override;

  // The system calls; negative with errno where those are.
  int bind(const address& to);
  int listen(int backlog);
  int connect(const address& to);
  int accept(address& peer);
  ssize_t send(const iovec* from, std::size_t count);
  ssize_t receive(const iovec* to, std::size_t count, bool peek);
  int shutdown(int how);
  int take_error();

  const address& local() const noexcept { return local_; }
  const address& remote() const noexcept { return remote_; }
  bool is_connected() const noexcept { return state_ == state::open; }

private:
  friend class tcp_network;
  enum class state { fresh, listening, connecting, open };

  // What arrives.
  void take(std::string_view bytes);
  void take_fin();
  void take_reset(int error);
  void give_room(std::size_t bytes);

  // What leaves.
  moment arrival();
  void transmit(std::string_view bytes);
  void transmit_fin();
  void transmit_reset();
  void to_peer(std::function<void(tcp_socket&)> what);
  void cut();
  bool is_to_be_cut() const noexcept {
    return path_->bytes_until_cut >= 0 && path_->cut_direction == direction_;
  }
  std::shared_ptr<tcp_socket> peer() const { return path_->ends[1 - direction_]; }
  void knock(int attempt);

  static constexpr std::size_t window = 64 * 1024;

  tcp_network& network_;
  state state_ = state::fresh;
  address local_;
  address remote_;
  bool is_open_ = true; ///< Has a descriptor, or waits in a backlog for one.
  int error_ = 0;       ///< SO_ERROR.

  std::deque<std::shared_ptr<tcp_socket>> backlog_;
  std::size_t backlog_limit_ = 0;

  std::shared_ptr<tcp_path> path_;
  std::size_t direction_ = 0; ///< Of what it sends, in its path.
  std::string received_;
  std::size_t read_ = 0;      ///< Of received_.
  std::size_t in_flight_ = 0; ///< Sent, and not yet read by the peer.
  moment last_arrival_ = 0;   ///< Of what has been sent.
  bool is_stuffed_ = false;   ///< Wants to hear when there is room.
  bool has_fin_ = false;      ///< Received.
  bool is_reset_ = false;
  bool is_read_shut_ = false;
  bool is_write_shut_ = false; ///< FIN sent.
};

/// All that listens, and the ports.
class tcp_network {
public:
  std::shared_ptr<tcp_socket> make() { return std::make_shared<tcp_socket>(*this); }

  /// How many sockets clients have open, whether connected yet or no longer, and had at most.
  struct population {
    std::size_t now = 0;
    std::size_t peak = 0;
  };
  population clients_of(const address& to) const;

private:
  friend class tcp_socket;
  std::shared_ptr<tcp_path> new_path();
  std::uint16_t next_port() noexcept;

  std::map<address, tcp_socket*> listeners_;
  std::map<address, population> clients_;
  std::uint16_t port_ = 32'768;
};

} // namespace httpool_sim
