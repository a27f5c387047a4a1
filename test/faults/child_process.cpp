#include "faults/child_process.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <cerrno>
#include <csignal>
#include <exception>
#include <iostream>
#include <system_error>
#include <utility>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace httpool_test::faults {
namespace {

namespace asio = boost::asio;
using stream = asio::local::stream_protocol::socket;

constexpr int child_control = 3;

[[noreturn]] void run_child(const std::function<void(int)>& body, int control, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent)
    ::_exit(1);
  if (control != child_control)
    ::dup2(control, child_control);
  ::close_range(child_control + 1, ~0u, 0);
  int status = 0;
  try {
    body(child_control);
  } catch (const std::exception& e) {
    std::cerr << "a process of the scene failed: " << e.what() << std::endl;
    status = 1;
  }
  ::_exit(status);
}

asio::awaitable<void> obey_all(stream& control, const obedience& act, asio::io_context& context) {
  char byte = 'r';
  for (;;) {
    const auto [failed, written] = co_await asio::async_write(control, asio::buffer(&byte, 1),
                                                              asio::as_tuple(asio::use_awaitable));
    const auto [ended, size] = co_await asio::async_read(control, asio::buffer(&byte, 1),
                                                         asio::as_tuple(asio::use_awaitable));
    if (failed || ended)
      break;
    co_await act(byte);
  }
  context.stop();
}

} // namespace

child_process::child_process(asio::io_context& context, const std::function<void(int)>& body)
    : control_(context) {
  stream other(context);
  asio::local::connect_pair(control_, other);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0)
    run_child(body, other.native_handle(), parent);
  if (pid_ < 0)
    throw std::system_error(errno, std::generic_category(), "fork");
  other.close();
  char ready = 0;
  asio::read(control_, asio::buffer(&ready, 1));
}

child_process::~child_process() {
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR)
    continue;
}

asio::awaitable<void> child_process::tell(char command) {
  co_await asio::async_write(control_, asio::buffer(&command, 1), asio::use_awaitable);
  co_await asio::async_read(control_, asio::buffer(&command, 1), asio::use_awaitable);
}

void child_process::signal(int number) const {
  ::kill(pid_, number);
}

void obey(asio::io_context& context, int control, obedience act) {
  stream commands(context, asio::local::stream_protocol(), control);
  asio::co_spawn(context, obey_all(commands, act, context), [](std::exception_ptr trouble) {
    if (trouble)
      std::rethrow_exception(trouble);
  });
  context.run();
}

} // namespace httpool_test::faults
