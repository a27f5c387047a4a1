// What a server's connections have in common; everything here runs on the server's executor unless
// it says otherwise.
#pragma once

#include "server/connection.hpp"
#include "server/date.hpp"
#include "server/deadlines.hpp"
#include "server/quota.hpp"
#include "wait_room.hpp"
#include "wakeable_timer.hpp"

#include <httpool/server.hpp>
#include <httpool/server_handler.hpp>
#include <httpool/server_options.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/system/error_code.hpp>

#include <atomic>
#include <cstdint>
#include <memory>

namespace httpool::detail {

// Counts things on one thread for others to read.
class counter {
public:
  void operator++() noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  operator std::uint64_t() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
  std::atomic<std::uint64_t> value_ = 0;
};

struct server_counters {
  counter accepted;
  counter requests;
  counter refused;
  counter timed_out;
  counter handler_failures;
  counter writes;
  counter accept_pauses;
};

class server_core : public std::enable_shared_from_this<server_core> {
public:
  using tcp = boost::asio::ip::tcp;

  // Listens; throws as server's constructor does.
  server_core(boost::asio::any_io_executor executor, const tcp::endpoint& at,
              server_handler handler, server_options options, std::shared_ptr<quota> places);
  ~server_core();

  // Lets other servers of this user listen on the port, too: those that set `reuse_port`.
  void share_port();

  void start();

  // From any thread.
  const boost::asio::any_io_executor& executor() const noexcept { return executor_; }
  tcp::endpoint local_endpoint() const noexcept { return local_; }
  server_stats stats() const noexcept;
  void close_connection(std::uint64_t id);
  void close() noexcept;

  // Closes everything. On the executor, or once nothing runs there any more.
  void close_now() noexcept;

  // Takes the operation over.
  void stop(stop_operation& operation);

  // For connections.
  const server_options& options() const noexcept { return options_; }
  const server_handler& handler() const noexcept { return handler_; }
  server_counters& counters() noexcept { return counters_; }
  deadlines& clock() noexcept { return *deadlines_; }
  date_cache& date() noexcept { return date_; }
  bool stopping() const noexcept { return stopping_; }
  void on_connection_closed() noexcept;

private:
  using list =
      boost::intrusive::list<server_connection, boost::intrusive::base_hook<connection_hook>,
                             boost::intrusive::constant_time_size<false>>;

  void wait_for_client();
  void pause_accepting();
  void accept_waiting();
  void begin(tcp::socket socket, const tcp::endpoint& peer, place room);
  struct abandoner {
    void operator()(stop_operation* operation) const noexcept { operation->abandon(); }
  };
  using stop_pointer = std::unique_ptr<stop_operation, abandoner>;

  void await_close();
  void wait_for_stop(stop_pointer operation);
  void complete_stops(boost::system::error_code ec);
  void begin_stop();
  boost::system::error_code end_stop();
  bool owes_answers() const noexcept;
  void stop_listening() noexcept;
  void abort_connections() noexcept;
  void drained() noexcept;

  boost::asio::any_io_executor executor_;
  server_handler handler_;
  server_options options_;
  std::shared_ptr<quota> places_;
  std::shared_ptr<deadlines> deadlines_;
  tcp::acceptor acceptor_;
  tcp::endpoint local_;
  wakeable_timer pause_; // of accepting, for want of places, descriptors or memory
  place_waiter place_waiter_{pause_};
  const std::shared_ptr<wait_room> accept_room_ = std::make_shared<wait_room>();
  boost::asio::steady_timer drained_; // expires once all is answered, or at the drain deadline
  date_cache date_;
  server_counters counters_;
  list connections_;
  bool stopping_ = false;
  bool was_cut_ = false;                         // a request that was arriving or being answered
  boost::intrusive::list<stop_operation> stops_; // that wait for `drained_`
  bool awaits_drained_ = false;
  const std::shared_ptr<wait_room> drained_room_ = std::make_shared<wait_room>();

  wakeable_timer closing_; // ended by `close`, awaited from the start
  const std::shared_ptr<wait_room> closing_room_ = std::make_shared<wait_room>();
};

} // namespace httpool::detail
