#include "lanes.hpp"
#include "paint.hpp"
#include "report.hpp"
#include "words.hpp"

#include <httpool/pool_stats.hpp>

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

namespace demo {
namespace {

constexpr std::size_t widest = 80;
constexpr std::size_t lane_width = 60;

// How httpool's messages begin: `acquire_timeout`, say.
std::string name_of(const boost::system::error_code& error) {
  if (!error)
    return "no error";
  const std::string message = error.message();
  return message.substr(0, message.find(':'));
}

std::string outcome(const answer& got) {
  return got.error ? name_of(got.error) : std::to_string(got.status);
}

std::vector<std::string> outcomes_of(const std::vector<answer>& answers) {
  std::vector<std::string> outcomes;
  outcomes.reserve(answers.size());
  for (const answer& each : answers)
    outcomes.push_back(outcome(each));
  return outcomes;
}

// The text behind `start`, in lines that fit, all of them indented like the first.
std::string wrapped(std::string_view start, std::string_view text) {
  const std::size_t indent = start.size();
  std::string lines(start);
  std::size_t column = indent;
  std::istringstream words{std::string(text)};
  for (std::string word; words >> word; column += word.size() + 1) {
    if (column + word.size() > widest) {
      lines += '\n' + std::string(indent, ' ');
      column = indent;
    } else if (column != indent) {
      lines += ' ';
    }
    lines += word;
  }
  return lines;
}

void fact(std::string_view name, std::string_view value) {
  fmt::print("{}\n", wrapped(fmt::format("   {:<23}", name), value));
}

class text_report final : public report {
public:
  explicit text_report(bool in_colour) : colours_(in_colour) {}

  void begin(const boost::asio::ip::tcp::endpoint& service_b) override {
    std::ostringstream where;
    where << service_b;
    fmt::print("{}\nServiceB listens on {}; ServiceA calls it, both in this process.\n",
               colours_.bold("httpool: a pool of connections at work"), where.str());
    std::fflush(stdout);
  }

  void add(const section& told) override {
    fmt::print("\n{}\n", colours_.bold(fmt::format("{}  {}", told.number, told.title)));
    std::visit([this](const auto& seen) { tell(seen); }, told.seen);
    for (const claim& each : told.claims)
      if (!each.holds)
        fmt::print("{}\n",
                   colours_.bad(wrapped("   !! ", "It does not hold that " + each.text + ".")));
    if (!told.meaning.empty())
      fmt::print("{}\n", colours_.good(wrapped("   => ", told.meaning)));
    std::fflush(stdout);
  }

  void end(std::size_t claims, std::size_t broken_claims, milliseconds took) override {
    const std::string result =
        broken_claims == 0
            ? colours_.good(
                  fmt::format("All {} claims behind this were checked, and hold.", claims))
            : colours_.bad(fmt::format("{} of {} claims do not hold.", broken_claims, claims));
    fmt::print("\n{} This took {:.1f} s.\n", result, took.count() / 1000);
  }

private:
  void tell(const one_connection& seen) const {
    fmt::print("   request  status  connection   at ServiceB                    took\n");
    for (std::size_t i = 0; i != seen.answers.size(); ++i) {
      const answer& each = seen.answers[i];
      fmt::print("   {:>7}  {:>6}  #{:<2} {:<8} connection {}, request {}  {:>8}\n", i + 1,
                 outcome(each), each.connection, each.reused ? "reused" : "new",
                 each.server_connection, each.request_number, in_ms(each.took));
    }
  }

  void tell(const shared_pool& seen) const {
    const std::vector<lane> lanes = lanes_of(seen.turns);
    fmt::print("   {} tasks on {} threads, at most {} connections; all done after {}\n"
               "   Connections over time; a letter is the task that has it, A the first to ask:\n",
               seen.turns.size(), seen.threads, seen.limit, in_ms(seen.took));
    for (const lane& each : lanes)
      fmt::print("   #{:<2} {}  {}\n", each.connection, draw(each, seen.took, lane_width, colours_),
                 counted(each.turns.size(), "task"));
    fmt::print("   ms  {}\n", colours_.dim(draw_scale(seen.took, lane_width)));
    fmt::print("   How long each task waited for its connection, in ms:\n");
    constexpr std::size_t rows = 4;
    for (std::size_t row = 0; row != rows; ++row) {
      for (std::size_t i = row; i < seen.turns.size(); i += rows) {
        const turn& each = seen.turns[i];
        const milliseconds waited = each.granted - each.asked;
        fmt::print("{:>7} {:>6.1f}", letter_of(each.task), waited.count());
      }
      fmt::print("\n");
    }
  }

  void tell(const limit_held& seen) const {
    fact("load", fmt::format("{} requests by {} tasks on {} threads, in {}", seen.requests,
                             seen.tasks, seen.threads, in_ms(seen.took)));
    fact("limit of the pool", counted(seen.limit, "connection"));
    fact("ServiceB accepted", counted(seen.accepted, "connection"));
    fact("open there at a time", fmt::format("{} at most", seen.peak_open));
  }

  void tell(const timed_out_waiter& seen) const {
    fact("the only connection",
         fmt::format("#{}, which somebody holds for {}", seen.held_connection, in_ms(seen.held)));
    fact("task in a hurry", fmt::format("waits {} at most: {} after {}", in_ms(seen.allowed),
                                        name_of(seen.error), in_ms(seen.waited)));
    fact("task with patience",
         seen.patient_error ? name_of(seen.patient_error)
                            : fmt::format("got #{} after {}, when it was given back",
                                          seen.patient_connection, in_ms(seen.patient_waited)));
  }

  void tell(const killed_while_idle& seen) const {
    const auto row = [](std::string_view what, const answer& got) {
      fact(what, fmt::format("gets {} over connection #{} ({}), sent {}", outcome(got),
                             got.connection, got.reused ? "reused" : "new",
                             got.attempts == 1 ? "once" : counted(got.attempts, "time")));
    };
    row("first request", seen.before);
    row("closed, next request", seen.after_kill);
    fact("closed, and left idle",
         fmt::format("the pool notices by itself after {}", in_ms(seen.noticed_after)));
    row("next request", seen.after_notice);
  }

  void tell(const silent_peer_found& seen) const {
    fact("without a probe",
         fmt::format("the next request, which may take {}", in_ms(seen.unprobed_limit)));
    fact("", fmt::format("in all, gets {} after {}", outcome(seen.unprobed),
                         in_ms(seen.unprobed.took)));
    fact("with a probe", fmt::format("sent after {} idle, to be answered in {}",
                                     in_ms(seen.interval), in_ms(seen.timeout)));
    fact("", fmt::format("the peer reads its {} bytes and is silent", seen.ignored_bytes));
    fact("", fmt::format("the pool removes connection #{}, {} after its use", seen.first_connection,
                         in_ms(seen.removed_after)));
    fact("", fmt::format("the next request gets {} over connection #{}", outcome(seen.next),
                         seen.next.connection));
    fact("a healthy peer", fmt::format("answers {} probes, and connection #{} serves on",
                                       seen.good_probes, seen.after_good_probes.connection));
  }

  void tell(const ten_in_one_write& seen) const {
    fact("sent ahead", fmt::format("{} requests, {} of {} bytes in the first write",
                                   seen.expected.size(), seen.written_at_once, seen.bytes));
    fact("the first",
         fmt::format("is to be answered {} later, the others at once", in_ms(seen.first_delay)));
    fact("answered in the order", fmt::format("{}", fmt::join(seen.request_numbers, " ")));
    fact("all answered after", in_ms(seen.took));
  }

  void tell(const connection_cost& seen) const {
    fmt::print("   a request over         requests  connections     median  90 % within\n");
    const auto row = [](std::string_view name, const latencies& one) {
      fmt::print("   {:<22} {:>8} {:>12} {:>10} {:>12}\n", name, one.requests, one.connections,
                 in_ms(one.median), in_ms(one.p90));
    };
    row("a new connection", seen.fresh);
    row("a reused connection", seen.reused);
  }

  void tell(const farewell& seen) const {
    const httpool::pool_stats& pool = seen.pool;
    const double granted = std::max(1.0, static_cast<double>(pool.granted));
    fact("load of a new pool", fmt::format("{} requests by each of {} tasks, then {} that",
                                           seen.requests_a_task, seen.tasks, seen.in_flight));
    fact("", "are under way when both sides are told to stop");
    fact("acquires", fmt::format("{}: {} granted, {} timed out, {} failed", pool.acquires,
                                 pool.granted, pool.timed_out, pool.failed));
    fact("of a used connection",
         fmt::format("{} ({:.0f} %)", pool.reused, 100 * pool.reuse_ratio()));
    fact("waits", fmt::format("{} on average, {} at most", in_ms(pool.wait_time / granted),
                              in_ms(pool.max_wait)));
    fact("connections", fmt::format("{} made, {} closed, at most {} at a time", pool.made,
                                    pool.closed(), pool.peak_total));
    fact("utilisation", fmt::format("{:.0f} % of {} connections leased on average",
                                    100 * pool.mean_utilisation(), pool.max_connections));
    fact("both sides stop", fmt::format("{} requests under way get {}", seen.in_flight,
                                        fmt::join(outcomes_of(seen.last_answers), " ")));
    fact("", fmt::format("done after {}; a later request gets {}", in_ms(seen.drained_after),
                         name_of(seen.too_late)));
    fact("ServiceB, whole demo",
         fmt::format("{} requests over {} connections, {} left open", seen.server.requests,
                     seen.server.accepted, seen.server.open));
  }

  paint colours_;
};

} // namespace

std::unique_ptr<report> make_text_report(bool in_colour) {
  return std::make_unique<text_report>(in_colour);
}

} // namespace demo
