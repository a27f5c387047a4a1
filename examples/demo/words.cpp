#include "words.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

namespace demo {
namespace {

int digits_of(double value) {
  return value == std::floor(value) ? 0 : value < 1 ? 3 : value < 10 ? 2 : value < 1000 ? 1 : 0;
}

// The value that in_ms() shows, so that readers who calculate with it get what the demo says.
double as_shown(milliseconds time) {
  const double unit = std::pow(10, digits_of(time.count()));
  return std::round(time.count() * unit) / unit;
}

std::string mean(const one_connection&) {
  return "One connection served all of them, as ServiceB's count of requests on it shows; only the "
         "first request had to wait for it to be made.";
}

std::string mean(const shared_pool& seen) {
  milliseconds longest{};
  for (const turn& each : seen.turns)
    longest = std::max(longest, each.granted - each.asked);
  return fmt::format("No connection served two tasks at once; up to {} tasks waited at a time, the "
                     "longest for {}, and every one got its turn.",
                     seen.peak_waiting, in_ms(longest));
}

std::string mean(const limit_held&) {
  return "The server itself never saw more connections than the pool may have, however many tasks "
         "wanted one.";
}

std::string mean(const timed_out_waiter&) {
  return "A caller waits no longer than it wants to, and that it gives up hurts nobody else.";
}

std::string mean(const killed_while_idle&) {
  return "A connection that dies while it is idle is replaced, and the caller sees nothing of it.";
}

std::string mean(const silent_peer_found&) {
  return "To TCP such a connection is as good as any; a probe finds it before a request does.";
}

std::string mean(const ten_in_one_write&) {
  return "A lease is a plain socket, on which to speak as one likes; ServiceB answers in the order "
         "of the requests, as HTTP demands.";
}

std::string mean(const connection_cost& seen) {
  return fmt::format("Without any network in between, a request over a new connection takes {:.1f} "
                     "times as long; a network adds a round trip to that.",
                     as_shown(seen.fresh.median) / as_shown(seen.reused.median));
}

std::string mean(const farewell&) {
  return "The pool accounts for every acquire and every connection, and both sides finish what is "
         "under way before they close.";
}

} // namespace

std::string in_ms(milliseconds time) {
  return fmt::format("{:.{}f} ms", time.count(), digits_of(time.count()));
}

std::string counted(std::size_t count, std::string_view thing) {
  return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
}

std::string meaning_of(const figures& seen) {
  return std::visit([](const auto& each) { return mean(each); }, seen);
}

} // namespace demo
