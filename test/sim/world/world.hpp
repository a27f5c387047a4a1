// One world: servers, clients and callers of the library on one kernel, through a storm and after.
#pragma once

#include "sim/world/kernel.hpp"
#include "sim/world/settings.hpp"
#include "sim/world/tcp.hpp"

#include <httpool/client.hpp>
#include <httpool/server.hpp>
#include <httpool/tls_client.hpp>
#include <httpool/tls_server.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace httpool_sim {

class world;

/// One call of a client: what was asked for, and what became of it.
struct exchange {
  std::uint64_t id = 0;
  std::size_t origin = 0;
  bool is_post = false;
  bool is_streamed = false;
  std::size_t request_size = 0;
  std::size_t response_size = 0;
  std::size_t read_until = 0; ///< Bytes after which a stream is dropped.
  moment begun = 0;
  int arrivals = 0; ///< Times that the origin's handler saw it.
};

/// An origin: a server, and the address that it keeps when it is restarted.
struct site {
  address at;
  std::size_t context = 0;
  std::string url;
  std::unique_ptr<httpool::server> server;
};

/// Makes one call after another.
class caller {
public:
  caller(world& in, std::uint64_t seed);

  void begin();

private:
  void call();
  void ended(std::exception_ptr failure, boost::system::error_code ec);
  boost::asio::awaitable<boost::system::error_code> perform(exchange& one);
  boost::asio::awaitable<boost::system::error_code> read(exchange& one, httpool::request asked);

  world& world_;
  random_source random_;
  boost::asio::io_context& context_;
  httpool::client& client_;
  boost::asio::steady_timer pause_;
  boost::asio::steady_timer cancel_after_;
  std::optional<boost::asio::cancellation_signal> cancel_;
  exchange* current_ = nullptr;
  std::size_t calls_left_;
};

/// What came of a world.
struct world_report {
  std::vector<std::string> violations; ///< Of what the library promises; the first few.
  std::uint64_t hash = 0;
  std::uint64_t calls = 0;
  std::uint64_t answered = 0;
  std::uint64_t failed = 0;
  std::uint64_t refused = 0;  ///< Answered, but only that the request was cut.
  std::uint64_t repeated = 0; ///< Calls whose request arrived twice.
  moment lasted = 0;
  kernel_counts counts;
};

class world {
public:
  explicit world(std::uint64_t seed);
  ~world();

  /// The whole story.
  world_report run();

private:
  friend class caller;

  // The stage.
  void open_site(site& which);
  boost::asio::awaitable<httpool::response> answer(httpool::request asked);
  boost::asio::io_context& client_context(std::size_t index);

  // Time.
  bool step();
  template <class Condition>
  bool until(moment end, Condition condition);
  void run_for(moment span);

  // The storm.
  void change_weather();
  void restart(site& which);
  void starve();
  void stall();

  /// What only this exchange may see.
  static std::string content(std::uint64_t id, std::size_t size);

  // What must hold.
  void complain(std::string what);
  void check_end(const exchange& one, boost::system::error_code ec);
  void check_answer(const exchange& one, unsigned status, std::string_view id,
                    std::string_view body, bool is_whole);
  void check_baseline();
  void check_limits();
  void ask_everybody();

  kernel kernel_;
  random_source random_;
  world_settings settings_;
  std::vector<std::unique_ptr<boost::asio::io_context>> contexts_;
  std::vector<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> work_;
  std::vector<moment> stalled_until_;
  std::shared_ptr<httpool::tls_server> encryption_;
  std::vector<site> sites_;
  std::vector<std::unique_ptr<httpool::client>> clients_;
  std::vector<std::unique_ptr<caller>> callers_;
  std::deque<exchange> exchanges_;
  std::size_t busy_callers_ = 0;
  bool is_storm_over_ = false;
  world_report report_;
};

} // namespace httpool_sim
