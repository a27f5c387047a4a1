// What service_a tells of its requests.
#pragma once

#include <httpool/client_response.hpp>
#include <httpool/pool_stats.hpp>

#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace service_a {

/// What came of one request.
struct result {
  std::size_t id;
  boost::system::error_code error;
  const httpool::client_response& answer; ///< Empty if there is an error.
  std::chrono::duration<double, std::milli> elapsed;
};

/// One line of JSON.
std::string to_json(const result& one);

/// Gathers results.
class summary {
public:
  void add(const result& one);
  std::size_t done() const noexcept { return elapsed_.size(); }
  bool all_answered() const noexcept { return errors_.empty(); }

  /// A few lines for people.
  void print(std::ostream& out, const std::string& url, std::chrono::duration<double> took);

private:
  std::size_t answered_ = 0;
  std::size_t reused_ = 0;
  std::map<unsigned, std::size_t> statuses_;
  std::map<std::string, std::size_t> errors_;
  std::set<std::uint64_t> connections_;
  std::vector<float> elapsed_; ///< In milliseconds.
};

void print(std::ostream& out, const httpool::pool_stats& stats);

} // namespace service_a
