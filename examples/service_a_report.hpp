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
#include <string_view>
#include <utility>
#include <vector>

namespace service_a {

/// What came of one request.
struct result {
  explicit result(std::size_t of) : id(of) {}

  /// Some more of the body.
  void add_body(std::string_view piece);

  const std::size_t id;
  boost::system::error_code error;
  httpool::client_response answer; ///< Its head; empty if there is an error.
  std::uint64_t bytes = 0;         ///< How long its body is,
  std::string body_head;           ///< and how that begins.
  std::chrono::duration<double, std::milli> elapsed{};
};

/// One line of JSON.
std::string to_json(const result& one);

/// Gathers results.
class summary {
public:
  /// `pool` tells connections of different pools apart, which may have the same number.
  void add(const result& one, std::size_t pool);
  std::size_t done() const noexcept { return elapsed_.size(); }
  bool all_answered() const noexcept { return errors_.empty(); }

  /// A few lines for people.
  void print(std::ostream& out, const std::vector<std::string>& urls,
             std::chrono::duration<double> took);

private:
  std::size_t answered_ = 0;
  std::size_t reused_ = 0;
  std::map<unsigned, std::size_t> statuses_;
  std::map<std::string, std::size_t> errors_;
  std::set<std::pair<std::size_t, std::uint64_t>> connections_; ///< By the number of their pool.
  std::vector<float> elapsed_;                                  ///< In milliseconds.
};

/// The figures of a pool; `of` says in the title which, if there are several.
void print(std::ostream& out, const httpool::pool_stats& stats, const std::string& of = "");

} // namespace service_a
