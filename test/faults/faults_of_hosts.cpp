// What happens to processes and clocks.

#include "faults/scene.hpp"

#include <csignal>
#include <ctime>

#include <unistd.h>

namespace httpool_test::faults {
namespace {

using boost::asio::awaitable;

constexpr int cuts = 20;
constexpr int restarts = 3;

awaitable<void> cut_connections(scene& s) {
  for (int i = 0; i < cuts; ++i) {
    co_await s.server().tell('c');
    co_await s.pause(50ms);
  }
}

awaitable<void> stop_server(scene& s) {
  s.server().signal(SIGSTOP);
  co_await s.stay();
  s.server().signal(SIGCONT);
}

awaitable<void> kill_server(scene& s) {
  for (int i = 0; i < restarts; ++i) {
    s.kill_server();
    co_await s.pause(200ms);
    s.start_server();
    co_await s.pause(200ms);
  }
}

awaitable<void> restart_server(scene& s) {
  for (int i = 0; i < restarts; ++i) {
    co_await s.server().tell('q');
    s.kill_server();
    co_await s.pause(200ms);
    s.start_server();
    co_await s.pause(200ms);
  }
}

/// Stops this process, which cannot wake itself: a child does, and says so when it has. The delay
/// sees to it that calls are under way.
awaitable<void> stop_client(scene& s) {
  co_await s.proxy().tell('s');
  co_await s.pause(500ms);
  const pid_t client = ::getpid();
  const timespec standstill = {s.standstill() / 1s, s.standstill() % 1s / 1ns};
  const auto stopped = std::chrono::steady_clock::now();
  child_process waker(s.context(), [&](int control) {
    ::kill(client, SIGSTOP);
    ::nanosleep(&standstill, nullptr);
    ::kill(client, SIGCONT);
    if (::write(control, "r", 1) == 1)
      ::pause();
  });
  s.has_stood_still(std::chrono::steady_clock::now() - stopped);
  const std::uint32_t begun = s.load().sum().begun;
  const auto has_gone_on = [&] { return !s.load().is_under_way_before(begun); };
  co_await s.load().until(has_gone_on, std::chrono::steady_clock::now() + 20s);
  if (s.load().sum().longest < s.standstill())
    s.complain("no call was under way");
  co_await s.proxy().tell('0');
}

std::string year_of(std::time_t when) {
  std::tm parts = {};
  ::gmtime_r(&when, &parts);
  return std::to_string(parts.tm_year + 1900);
}

awaitable<void> leap_about(scene& s) {
  constexpr std::int64_t year = 31'556'952;
  const std::int64_t now = std::time(nullptr);
  for (const std::int64_t leap : {year, -now, 100 * year, -20 * year, std::int64_t(0)}) {
    s.shared().leap = leap;
    const std::string dated = year_of(now + leap);
    const auto is_felt = [&] { return s.load().sum().date.find(dated) != std::string::npos; };
    const bool was_felt = co_await s.load().until(is_felt, std::chrono::steady_clock::now() + 10s);
    if (!was_felt)
      s.complain("no answer has a date of " + dated);
    co_await s.pause(300ms);
  }
  if (s.shared().wall_timers != 0)
    s.complain("there are timers by the wall clock");
}

} // namespace

std::vector<fault> faults_of_hosts() {
  std::vector<fault> all;
  const auto add = [&all](std::string_view name, awaitable<void> (*happen)(scene&)) -> fault& {
    fault& added = all.emplace_back();
    added.name = name;
    added.happen = happen;
    return added;
  };
  add("connections are cut, 20 times", cut_connections);
  add("the server is stopped, and goes on", stop_server);
  add("the server is killed, 3 times", kill_server);
  add("the server is restarted, 3 times", restart_server).loses_nothing = true;
  fault& still = add("the client is stopped, and goes on", stop_client);
  still.is_behind_proxy = true;
  still.expected = losses::any;
  still.standstill = 1'500ms;
  fault& clock = add("the wall clock leaps", leap_about);
  clock.expected = losses::none;
  clock.deadline = 10s;
  return all;
}

} // namespace httpool_test::faults
