#include "service_a_report.hpp"

#include <httpool/error.hpp>

#include <algorithm>
#include <cstdio>
#include <ostream>
#include <string_view>

namespace service_a {
namespace {

/// The error's name and what it means. An error of the system is named by its category and number.
std::string text(const boost::system::error_code& error) {
  if (error.category() == httpool::error_category())
    return error.message();
  return std::string(error.category().name()) + ':' + std::to_string(error.value()) + ": " +
         error.message();
}

/// A JSON string of bytes that are taken for Latin-1, so that any bytes make valid UTF-8.
std::string quoted(std::string_view latin1) {
  std::string out = "\"";
  for (const char c : latin1) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (code < 0x20 || code == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", code);
      out += escape;
    } else if (code < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xc0 | (code >> 6));
      out += static_cast<char>(0x80 | (code & 0x3f));
    }
  }
  return out += '"';
}

std::string with_digits(double value, int digits) {
  char out[64];
  std::snprintf(out, sizeof out, "%.*f", digits, value);
  return out;
}

double in_ms(std::chrono::duration<double, std::milli> length) {
  return length.count();
}

} // namespace

void result::add_body(std::string_view piece) {
  constexpr std::size_t shown = 64;
  bytes += piece.size();
  body_head.append(piece.substr(0, shown - body_head.size()));
}

std::string to_json(const result& one) {
  std::string line = "{\"id\":" + std::to_string(one.id);
  line += ",\"status\":" + (one.error ? "null" : std::to_string(one.answer.status()));
  line += ",\"error\":" + (one.error ? quoted(text(one.error)) : "null");
  line += ",\"connection_id\":" + (one.error ? "null" : std::to_string(one.answer.connection_id()));
  line += one.answer.reused() ? ",\"reused\":true" : ",\"reused\":false";
  line += ",\"elapsed_ms\":" + with_digits(one.elapsed.count(), 3);
  line += ",\"bytes\":" + std::to_string(one.bytes);
  line += ",\"body_head\":" + quoted(one.body_head);
  return line += '}';
}

void summary::add(const result& one, std::size_t pool) {
  elapsed_.push_back(static_cast<float>(one.elapsed.count()));
  if (one.error) {
    ++errors_[text(one.error)];
    return;
  }
  ++answered_;
  ++statuses_[one.answer.status()];
  reused_ += one.answer.reused();
  connections_.emplace(pool, one.answer.connection_id());
}

void summary::print(std::ostream& out, const std::vector<std::string>& urls,
                    std::chrono::duration<double> took) {
  out << done() << (done() == 1 ? " request to " : " requests to ")
      << (urls.size() == 1 ? urls.front() : std::to_string(urls.size()) + " URLs") << " in "
      << with_digits(took.count(), 3) << " s (" << with_digits(double(done()) / took.count(), 0)
      << " a second)\n";
  out << "  answered     " << answered_ << '\n';
  for (const auto& [status, count] : statuses_)
    out << "    status " << status << " " << count << '\n';
  out << "  failed       " << done() - answered_ << '\n';
  for (const auto& [error, count] : errors_)
    out << "    " << count << "  " << error << '\n';
  std::sort(elapsed_.begin(), elapsed_.end());
  const auto quantile = [this](double part) {
    const auto index = static_cast<std::size_t>(part * static_cast<double>(done() - 1) + 0.5);
    return with_digits(static_cast<double>(elapsed_[index]), 3);
  };
  if (!elapsed_.empty())
    out << "  latency      p50 " << quantile(0.5) << " ms, p99 " << quantile(0.99) << " ms, max "
        << quantile(1) << " ms\n";
  out << "  connections  " << connections_.size() << " used; " << reused_
      << " requests went over one that had served before\n";
}

void print(std::ostream& out, const httpool::pool_stats& s, const std::string& of) {
  out << "pool statistics" << (of.empty() ? "" : " of ") << of << '\n'
      << "  acquires     " << s.acquires << ": " << s.granted << " granted, " << s.timed_out
      << " timed out, " << s.cancelled << " cancelled, " << s.failed << " failed, " << s.refused
      << " refused, " << s.waiting << " waiting\n"
      << "  reuse        " << s.reused << " grants of a connection that had served before, "
      << with_digits(100 * s.reuse_ratio(), 2) << " %\n"
      << "  dials        " << s.dials << ": " << s.made << " made a connection, " << s.dials_failed
      << " failed, " << s.dialing << " in flight\n"
      << "  connections  " << s.idle << " idle, " << s.leased << " leased, " << s.closed()
      << " closed\n";
  for (std::size_t i = 0; i != httpool::close_reason_count; ++i)
    if (s.closed_by[i] != 0)
      out << "    " << s.closed_by[i] << "  " << to_string(httpool::close_reason(i)) << '\n';
  out << "  peaks        " << s.peak_total << " connections, " << s.peak_leased << " leased, "
      << s.peak_waiting << " waiting\n"
      << "  waits        "
      << with_digits(s.granted == 0 ? 0 : in_ms(s.wait_time) / double(s.granted), 3)
      << " ms on average, longest " << with_digits(in_ms(s.max_wait), 3) << " ms\n"
      << "  utilisation  " << with_digits(100 * s.mean_utilisation(), 1) << " % of "
      << s.max_connections << " connections on average\n";
}

} // namespace service_a
