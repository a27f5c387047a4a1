// One fault: what it needs and does, and the processes that it happens to.
#pragma once

#include "faults/calls.hpp"
#include "faults/child_process.hpp"
#include "faults/network.hpp"
#include "faults/row.hpp"
#include "faults/traffic.hpp"

#include <httpool/client.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace httpool_test::faults {

using namespace std::chrono_literals;

inline constexpr unsigned lost_of_1000 = 200; ///< Segments, where some are lost.
inline constexpr int callers = 12;

/// How many calls may fail.
enum class losses { none, one_a_connection, some, any };

class scene;

/// A fault, as the list has them.
struct fault {
  std::string_view name;
  isolation needs = isolation::none;
  losses expected = losses::some;
  bool loses_nothing = false;                   ///< What the server has done is answered.
  bool is_behind_proxy = false;                 ///< Calls go by the delaying proxy.
  bool is_by_name = false;                      ///< The origin has a name, which is asked for.
  std::chrono::nanoseconds deadline = 1s;       ///< Of each call.
  std::chrono::nanoseconds stays = 1'500ms;     ///< How long it does.
  std::chrono::nanoseconds standstill = {};     ///< For how long the client itself does not run.
  std::chrono::nanoseconds resolver_timeout{0}; ///< Until a question that was not answered ends.
  std::size_t connections = 8;                  ///< `pool_options::max_connections`.
  std::uint64_t max_uses = 0;                   ///< `pool_options::max_uses`.
  boost::asio::awaitable<void> (*happen)(scene&) = nullptr; ///< Begins, stays, and is gone.
};

/// All of them.
std::vector<fault> faults_of_networks();
std::vector<fault> faults_of_hosts();

/// The client's process, and what it has started.
class scene {
public:
  scene(const fault& what, std::uint64_t seed, shared_state& shared);

  /// Lets the fault come and go under load, and judges what came of it.
  row run();

  // For faults.

  /// Stays what the fault's time is.
  boost::asio::awaitable<void> stay() { return pause(what_.stays); }
  boost::asio::awaitable<void> pause(std::chrono::nanoseconds duration);

  std::chrono::nanoseconds standstill() const { return what_.standstill; }
  boost::asio::io_context& context() { return context_; }
  traffic& load() { return *load_; }
  shared_state& shared() { return shared_; }
  child_process& server() { return *server_; }
  child_process& proxy() { return *proxy_; }
  child_process& names() { return *names_; }
  void start_server();
  void kill_server() { server_.reset(); }

  /// New connections of the client lose some of the segments that arrive, or none.
  void lose_on_new_connections(unsigned of_1000) { lost_on_new_ = of_1000; }

  /// How long the client has in fact not run.
  void has_stood_still(std::chrono::nanoseconds time) { stood_still_ = time; }

  /// What the fault itself finds wrong.
  void complain(const std::string& problem) { problems_.push_back(problem); }

private:
  void start_others();
  httpool::client_options options();
  boost::asio::awaitable<void> direct(httpool::client& sender, traffic& load);
  void judge_pool(const httpool::pool_stats& figures);
  void judge_calls(row& to);
  void judge_recovery(row& to);

  const fault& what_;
  std::uint64_t seed_;
  shared_state& shared_;
  boost::asio::io_context context_;
  std::optional<child_process> server_, proxy_, names_;
  traffic* load_ = nullptr;
  unsigned lost_on_new_ = 0;
  std::chrono::nanoseconds stood_still_ = {};
  tally::clock::time_point ended_ = {};
  std::exception_ptr trouble_;
  std::vector<std::string> problems_;
};

} // namespace httpool_test::faults
