// A process of a scene's own, told what to do byte by byte.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <functional>

#include <sys/types.h>

namespace httpool_test::faults {

/// What a child does at a command; the command is answered when this has ended.
using obedience = std::function<boost::asio::awaitable<void>(char)>;

/// A forked process, which dies with this object, or with its parent.
class child_process {
public:
  /// Forks. In the child `body` runs, with the descriptor of its commands, which is all that it
  /// inherits but for the standard ones; it calls `obey`, and this returns when it has.
  child_process(boost::asio::io_context& context, const std::function<void(int control)>& body);
  ~child_process();
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;

  /// Has a command done, and waits until it is.
  boost::asio::awaitable<void> tell(char command);

  void signal(int number) const;

private:
  pid_t pid_ = -1;
  boost::asio::local::stream_protocol::socket control_;
};

/// The child's side: says that it is ready, and runs the context until nobody commands any more.
void obey(boost::asio::io_context& context, int control, obedience act);

} // namespace httpool_test::faults
