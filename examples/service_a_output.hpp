// Where service_a puts the bodies of the responses.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <fstream>
#include <map>
#include <ostream>
#include <set>
#include <string>
#include <string_view>

namespace service_a {

/// A file, or standard output, that takes the bodies of all requests in the order of their numbers,
/// whatever order the responses come in.
class body_output {
public:
  /// `-` is standard output.
  ///
  /// \throws usage_error if the file cannot be written.
  body_output(boost::asio::any_io_executor executor, const std::string& name);

  /// Waits until the bodies of all requests before have been written. It need not be waited for by
  /// a request without a body.
  boost::asio::awaitable<void> turn_of(std::size_t id);

  /// Writes a piece of the body whose turn it is.
  ///
  /// \throws std::runtime_error if that is not possible.
  void write(std::string_view piece);

  /// There is no more of the body of this request.
  void ended(std::size_t id);

  /// \throws std::runtime_error if not all could be written.
  void flush();

private:
  const boost::asio::any_io_executor executor_;
  const std::string name_;
  std::ofstream file_;
  std::ostream& out_;
  std::size_t turn_ = 0;
  std::set<std::size_t> ended_;                              ///< Out of turn.
  std::map<std::size_t, boost::asio::steady_timer> waiting_; ///< For their turn.
};

} // namespace service_a
