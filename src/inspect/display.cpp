#include "inspect/display.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

namespace httpool::detail {
namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t occurrences_shown = 12;

std::string health_text(const track& pool) {
  const pool_view& view = pool.view();
  if (pool.is_gone())
    return "gone";
  if (view.dial_failures == 0)
    return view.stats.made == 0 ? "no connection made yet" : "dials succeed";
  std::string text = "dials fail: " + clean_text(view.stats.last_dial_error.message());
  if (view.backoff > 0ns)
    text += "; next in " + duration_text(view.backoff);
  return text;
}

const char* health_of(const track& pool) noexcept {
  if (pool.is_gone())
    return "gone";
  if (pool.view().dial_failures != 0)
    return "bad";
  return pool.view().stats.made == 0 ? "new" : "good";
}

void add_durations(texts& to, const duration_summary& of, std::array<std::string_view, 5> names) {
  const bool is_known = of.count != 0;
  to.emplace_back(names[0], is_known ? duration_text(of.p50) : "–");
  to.emplace_back(names[1], is_known ? duration_text(of.p90) : "–");
  to.emplace_back(names[2], is_known ? duration_text(of.p99) : "–");
  to.emplace_back(names[3], is_known ? duration_text(of.most) : "–");
  to.emplace_back(names[4], count_text(of.count));
}

std::string endpoint_text(const boost::asio::ip::tcp::endpoint& endpoint) {
  if (endpoint.port() == 0)
    return {};
  std::ostringstream text;
  text << endpoint;
  return text.str();
}

/// The part of the columns in which it was there that it was in use.
std::string busy_text(const std::string& history) {
  const auto count = [&](std::string_view which) {
    return std::count_if(history.begin(), history.end(),
                         [&](char c) { return which.find(c) != std::string_view::npos; });
  };
  const auto all = count("diulnpc");
  return all == 0 ? "–"
                  : percent_text(static_cast<double>(count("ulnp")) / static_cast<double>(all));
}

/// Who acquired a lease: a file without its folders, and a line.
std::string place_text(const std::source_location& where) {
  if (where.line() == 0)
    return "an exchange";
  const std::string_view file = where.file_name();
  return clean_text(file.substr(file.rfind('/') + 1)) + ':' + std::to_string(where.line());
}

std::string text_of(const occurrence& what) {
  const std::string id = "connection " + std::to_string(what.id);
  switch (what.what) {
  case occurrence::kind::made:
    return id + " made in " + duration_text(what.took);
  case occurrence::kind::dial_failed:
    return "a dial failed after " + duration_text(what.took) + ": " +
           clean_text(what.error.message());
  case occurrence::kind::closed:
    return id + " closed: " + to_string(what.reason) + ", after " + count_text(what.uses) +
           (what.uses == 1 ? " use" : " uses");
  case occurrence::kind::acquire_failed:
    return "a caller got none after " + duration_text(what.took) + ": " +
           clean_text(what.error.message());
  case occurrence::kind::overdue:
    return id + " leased for " + duration_text(what.took) + " by now, by " + place_text(what.where);
  case occurrence::kind::probe_failed:
    break;
  }
  return id + ": its probe failed after " + duration_text(what.took);
}

} // namespace

std::string key_of(const watched& group, const track& pool) {
  return group.name + '\n' + pool.name();
}

pool_display display_of(const watched& group, const track& pool, const sight& all) {
  pool_display shown;
  const pool_stats& stats = pool.view().stats;
  texts& to = shown.fields;
  const bool is_gone = pool.is_gone();
  to.emplace_back("name", group.name);
  to.emplace_back("origin", pool.name());
  to.emplace_back("health", health_of(pool));
  to.emplace_back("health_text", health_text(pool));
  const std::size_t total = is_gone ? 0 : stats.total();
  to.emplace_back("total", count_text(total));
  to.emplace_back("limit", count_text(stats.max_connections));
  to.emplace_back("peak_total", count_text(stats.peak_total));
  to.emplace_back("dialing", count_text(is_gone ? 0 : stats.dialing));
  to.emplace_back("idle", count_text(is_gone ? 0 : stats.idle));
  to.emplace_back("leased", count_text(is_gone ? 0 : stats.leased));
  to.emplace_back("closing", count_text(is_gone ? 0 : stats.closing));
  to.emplace_back("waiting", count_text(is_gone ? 0 : stats.waiting));
  to.emplace_back("peak_waiting", count_text(stats.peak_waiting));
  to.emplace_back("rate", count_text(static_cast<std::uint64_t>(pool.rate() + 0.5)));
  to.emplace_back("reuse", stats.granted == 0 ? "–" : percent_text(stats.reuse_ratio()));
  to.emplace_back("used", percent_text(stats.mean_utilisation()));
  for (const auto& [name, count] :
       {std::pair("acquires", stats.acquires), std::pair("granted", stats.granted),
        std::pair("timed_out", stats.timed_out), std::pair("cancelled", stats.cancelled),
        std::pair("failed", stats.failed), std::pair("refused", stats.refused),
        std::pair("dials", stats.dials), std::pair("made", stats.made),
        std::pair("dials_failed", stats.dials_failed), std::pair("probes", stats.probes),
        std::pair("probes_failed", stats.probes_failed), std::pair("closed", stats.closed())})
    to.emplace_back(name, count_text(count));
  to.emplace_back("max_wait", duration_text(stats.max_wait));
  to.emplace_back("age", duration_text(stats.age));
  to.emplace_back("hidden", pool.hidden() == 0 ? std::string()
                                               : count_text(pool.hidden()) +
                                                     " more connections have no lane here.");
  // One observer is told of all that is watched under a name.
  const bool has_observer = group.observer != nullptr;
  const bool is_shared = has_observer && (group.tracks.size() > 1 || all.left_out > 0);
  to.emplace_back("times_of", is_shared ? "of all origins" : "");
  add_durations(to, has_observer ? group.observer->waits() : duration_summary(),
                {"wait_p50", "wait_p90", "wait_p99", "wait_most", "wait_count"});
  add_durations(to, has_observer ? group.observer->dials() : duration_summary(),
                {"dial_p50", "dial_p90", "dial_p99", "dial_most", "dial_count"});
  to.emplace_back("window", std::to_string(columns * all.sample_every / 1s));
  if (!is_gone)
    shown.parts = {stats.dialing, stats.idle, stats.leased, stats.closing};
  shown.limit = std::max<std::uint64_t>({stats.max_connections, total, 1});
  for (std::size_t i = 0; i != close_reason_count; ++i) {
    if (stats.closed_by[i] != 0)
      shown.closes.push_back(
          {to_string(static_cast<close_reason>(i)), count_text(stats.closed_by[i])});
  }
  return shown;
}

texts display_of(const lane& connection, const sight& all) {
  const connection_view& seen = connection.seen;
  const bool is_gone = connection.is_gone;
  const std::chrono::nanoseconds gone_for =
      static_cast<std::int64_t>(all.column - connection.last_column) * all.sample_every;
  const std::chrono::nanoseconds since =
      std::max<std::chrono::nanoseconds>(all.at - seen.since, 0ns);
  texts to;
  to.emplace_back("id", seen.id == 0 ? "–" : std::to_string(seen.id));
  to.emplace_back("state", is_gone ? "gone" : seen.probed ? "probed" : to_string(seen.state));
  to.emplace_back("since", duration_text(is_gone ? gone_for : since));
  to.emplace_back("busy", busy_text(history_of(connection, all)));
  to.emplace_back("uses", count_text(seen.uses));
  to.emplace_back("peer", endpoint_text(seen.endpoint));
  to.emplace_back("description", clean_text(seen.description));
  to.emplace_back("age", is_gone ? std::string() : duration_text(all.at - seen.dialed_at));
  return to;
}

std::string history_of(const lane& connection, const sight& all) {
  std::string history(columns, '\0');
  for (std::size_t i = 0; i != columns; ++i)
    history[i] = connection.marks.at(all.column - columns + 1 + i);
  return history;
}

std::vector<std::uint32_t> waiters_of(const track& pool, const sight& all) {
  std::vector<std::uint32_t> counts(columns);
  for (std::size_t i = 0; i != columns; ++i)
    counts[i] = pool.waiting_at(all.column - columns + 1 + i);
  return counts;
}

std::vector<std::array<std::string, 3>> occurrences_of(const sight& all) {
  std::vector<std::pair<occurrence, const watched*>> known;
  for (const watched& group : all.pools) {
    for (const occurrence& each :
         group.observer ? group.observer->latest() : std::vector<occurrence>())
      known.emplace_back(each, &group);
  }
  std::stable_sort(known.begin(), known.end(),
                   [](const auto& a, const auto& b) { return a.first.when > b.first.when; });
  known.resize(std::min(known.size(), occurrences_shown));
  std::vector<std::array<std::string, 3>> rows;
  for (const auto& [what, group] : known) {
    const auto ago = std::max<std::chrono::nanoseconds>(all.at - what.when, 0ns);
    rows.push_back({duration_text(std::chrono::floor<std::chrono::milliseconds>(ago)), group->name,
                    text_of(what)});
  }
  return rows;
}

std::string left_out_text(const sight& all) {
  if (all.left_out == 0)
    return {};
  return count_text(all.left_out) + (all.left_out == 1 ? " more pool is" : " more pools are") +
         " not shown here.";
}

std::vector<std::array<std::string, 7>> servers_of(const sight& all) {
  std::vector<std::array<std::string, 7>> rows;
  for (const auto& each : all.servers) {
    if (!each.seen) {
      rows.push_back({each.name, "figures failed", "–", "–", "–", "–", "–"});
      continue;
    }
    const server_stats& s = *each.seen;
    rows.push_back({each.name, count_text(s.open), count_text(s.peak_open), count_text(s.accepted),
                    count_text(s.requests), count_text(s.refused + s.timed_out),
                    count_text(s.handler_failures)});
  }
  return rows;
}

} // namespace httpool::detail
