#include "sim/ledger/event.hpp"

#include <array>
#include <limits>

namespace httpool::test {
namespace {

constexpr std::array<const char*, static_cast<std::size_t>(event::kind::count)> names = {
    "pass",           "tick",        "acquire",    "cancelled_acquire",
    "try_acquire",    "accept",      "stale",      "undelivered",
    "returned",       "dropped",     "redial",     "detached",
    "dialed",         "dial_failed", "closed",     "spoke",
    "answered",       "unanswered",  "cancel",     "cancel_granted",
    "lease_deadline", "limit_idle",  "limit_uses", "end_again",
    "watch_again",    "prewarm",     "set_limits", "evict",
    "no_permits",     "permits",     "no_memory",  "cut_off_all",
    "close"};

std::string code(std::uint64_t number) {
  return number == std::numeric_limits<std::uint64_t>::max() ? "SIZE_MAX" : std::to_string(number);
}

std::string code(duration length) {
  if (length == duration::max())
    return "duration::max()";
  if (length == duration::min())
    return "duration::min()";
  const duration::rep ns = length.count();
  if (ns != 0 && ns % 1'000'000'000 == 0)
    return std::to_string(ns / 1'000'000'000).append("s");
  if (ns != 0 && ns % 1'000'000 == 0)
    return std::to_string(ns / 1'000'000).append("ms");
  return std::to_string(ns).append("ns");
}

/// The members of an initializer that differ from their default.
class members {
public:
  template <class T>
  members& add(const char* name, const T& value, const T& standard) {
    if (value != standard)
      add_code(name, code(value));
    return *this;
  }
  members& add_code(const char* name, const std::string& value) {
    text_.append(text_.empty() ? "." : ", .").append(name).append(" = ").append(value);
    return *this;
  }
  std::string text() const { return std::string("{").append(text_).append("}"); }

private:
  std::string text_;
};

std::string code(const pool_limits& limits) {
  return members()
      .add_code("max_connections", code(limits.max_connections))
      .add_code("max_waiters", code(limits.max_waiters))
      .add_code("min_idle", code(limits.min_idle))
      .add_code("max_dials", code(limits.max_dials))
      .text();
}

} // namespace

std::string to_code(const event& e) {
  const event standard;
  members result;
  result.add_code("what",
                  std::string("event::kind::").append(names[static_cast<std::size_t>(e.what)]));
  result.add<std::uint64_t>("which", e.which, standard.which)
      .add("after", e.after, standard.after)
      .add("timeout", e.timeout, standard.timeout)
      .add("max_idle", e.max_idle, standard.max_idle)
      .add("dial_timeout", e.dial_timeout, standard.dial_timeout)
      .add("count", e.count, standard.count);
  if (e.what == event::kind::set_limits)
    result.add_code("limits", code(e.limits));
  return result.text();
}

std::string to_code(const pool_options& options) {
  const pool_options standard;
  members result;
  result.add("max_connections", options.max_connections, standard.max_connections)
      .add("max_waiters", options.max_waiters, standard.max_waiters)
      .add("min_idle", options.min_idle, standard.min_idle)
      .add("max_dials", options.max_dials, standard.max_dials)
      .add("dial_timeout", options.dial_timeout, standard.dial_timeout)
      .add("dial_backoff", options.dial_backoff, standard.dial_backoff)
      .add("max_dial_backoff", options.max_dial_backoff, standard.max_dial_backoff)
      .add("idle_timeout", options.idle_timeout, standard.idle_timeout)
      .add("max_lifetime", options.max_lifetime, standard.max_lifetime)
      .add("max_uses", options.max_uses, standard.max_uses)
      .add("lease_warning", options.lease_warning, standard.lease_warning);
  if (options.probe.ask) {
    result.add_code("probe", members()
                                 .add_code("ask", "answers_well")
                                 .add_code("interval", code(options.probe.interval))
                                 .add_code("timeout", code(options.probe.timeout))
                                 .text());
  }
  return result.text();
}

std::string to_test_case(const pool_options& options, std::uint64_t seed,
                         const std::vector<event>& events, const std::string& fault) {
  std::string result = "BOOST_AUTO_TEST_CASE(seed_";
  result.append(std::to_string(seed)).append(") { // ").append(fault).append("\n");
  result.append("  checked_ledger mind(").append(to_code(options));
  result.append(", ").append(std::to_string(seed)).append(");\n");
  for (const event& e : events)
    result.append("  mind.apply(").append(to_code(e)).append(");\n");
  return result.append("  mind.come_to_rest();\n}\n");
}

} // namespace httpool::test
