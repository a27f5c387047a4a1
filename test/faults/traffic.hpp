// Callers, one call after the other each, and what came of their calls.
#pragma once

#include "faults/calls.hpp"

#include <httpool/client.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace httpool_test::faults {

/// What is known of all calls so far.
struct tally {
  using clock = std::chrono::steady_clock;

  std::uint32_t begun = 0;
  std::uint32_t answered = 0;
  std::uint32_t failed = 0;
  std::uint32_t in_a_row = 0;           ///< Answered since the last failure.
  std::uint32_t wrong = 0;              ///< Answered with anything but their own answer.
  std::uint32_t early = 0;              ///< Failed with a timeout before their deadline.
  std::map<std::string, int> kinds;     ///< Failures by error.
  std::vector<std::uint32_t> abandoned; ///< The calls that failed.
  std::set<std::uint32_t> under_way;
  std::string date; ///< That of the last answer.
  std::chrono::nanoseconds longest = {};
  clock::time_point last_failure = {};
  clock::time_point first_answer = {}; ///< Since this was last cleared.
};

class traffic {
public:
  /// `deadline` is that of each call, which the client has, too. The client has an origin.
  traffic(boost::asio::io_context& context, httpool::client& sender,
          std::chrono::nanoseconds deadline, std::uint64_t seed);

  void start(int callers);

  /// No new calls.
  void stop() { is_stopping_ = true; }

  /// Waits until a condition holds, which may change when a call ends; false at the time given.
  boost::asio::awaitable<bool> until(std::function<bool()> condition, tally::clock::time_point end);

  /// Whether one of the first so many calls has not ended.
  bool is_under_way_before(std::uint32_t begun) const {
    return !sum_.under_way.empty() && *sum_.under_way.begin() < begun;
  }

  int callers() const { return callers_; }
  tally& sum() { return sum_; }

private:
  boost::asio::awaitable<void> call_on_and_on();
  boost::asio::awaitable<void> make_call();
  void note(std::uint32_t call, boost::system::error_code ec,
            const httpool::client_response& response, std::chrono::nanoseconds took);

  boost::asio::io_context& context_;
  httpool::client& sender_;
  std::chrono::nanoseconds deadline_;
  std::uint64_t dice_;
  tally sum_;
  boost::asio::steady_timer changed_;
  int callers_ = 0;
  bool is_stopping_ = false;
};

} // namespace httpool_test::faults
