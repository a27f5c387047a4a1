#include "client/exchange_counts.hpp"

#include <httpool/error.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <new>

namespace httpool {

const char* to_string(exchange_outcome outcome) noexcept {
  switch (outcome) {
  case exchange_outcome::informational:
    return "1xx";
  case exchange_outcome::successful:
    return "2xx";
  case exchange_outcome::redirection:
    return "3xx";
  case exchange_outcome::client_error:
    return "4xx";
  case exchange_outcome::server_error:
    return "5xx";
  case exchange_outcome::timeout:
    return "timeout";
  case exchange_outcome::connection:
    return "connection";
  case exchange_outcome::protocol:
    return "protocol";
  case exchange_outcome::cancelled:
    return "cancelled";
  case exchange_outcome::other:
    return "other";
  }
  return "unknown";
}

namespace {

exchange_outcome of_our_error(error why) noexcept {
  switch (why) {
  case error::name_not_found:
  case error::connection_refused:
  case error::connection_closed:
  case error::certificate_error:
  case error::proxy_refused:
  case error::proxy_authentication_failed:
  case error::tls_not_spoken:
    return exchange_outcome::connection;
  case error::protocol_error:
  case error::head_too_large:
  case error::body_too_large:
    return exchange_outcome::protocol;
  default:
    return exchange_outcome::other;
  }
}

} // namespace

exchange_outcome outcome_of(boost::system::error_code ec) noexcept {
  if (ec == errc::timeout)
    return exchange_outcome::timeout;
  if (ec.category() == error_category())
    return of_our_error(static_cast<error>(ec.value()));
  if (ec == boost::asio::error::operation_aborted)
    return exchange_outcome::cancelled;
  return ec == boost::asio::error::no_memory ? exchange_outcome::other
                                             : exchange_outcome::connection;
}

namespace detail {

exchange_counts::~exchange_counts() {
  for (const auto& each : measured_)
    delete each.load(std::memory_order_relaxed);
}

/// Without a histogram, be it that there is to be none or that memory lacks, it is counted alone.
void exchange_counts::ended_first(std::size_t outcome, duration took) noexcept {
  std::unique_ptr<lengths> made(has_histograms_ ? new (std::nothrow) lengths : nullptr);
  lengths* found = nullptr;
  if (!made) {
    unmeasured_[outcome].fetch_add(1, std::memory_order_relaxed);
    return;
  }
  if (measured_[outcome].compare_exchange_strong(found, made.get(), std::memory_order_acq_rel))
    made.release();
  ended(static_cast<exchange_outcome>(outcome), took);
}

std::uint64_t exchange_counts::lengths::count() const noexcept {
  std::uint64_t sum_of_all = 0;
  for (const auto& each : counts)
    sum_of_all += each.load(std::memory_order_relaxed);
  return sum_of_all;
}

/// Those that begin and end meanwhile may count as active.
exchange_stats exchange_counts::stats() const noexcept {
  exchange_stats result;
  for (std::size_t i = 0; i != exchange_outcome_count; ++i) {
    result.ended_by[i] = unmeasured_[i].load(std::memory_order_acquire);
    if (const lengths* const of = measured_[i].load(std::memory_order_acquire))
      result.ended_by[i] += of->count();
  }
  const std::uint64_t begun = begun_.load(std::memory_order_acquire);
  const std::uint64_t ended = result.ended();
  result.active = begun > ended ? begun - ended : 0;
  return result;
}

exchange_histograms exchange_counts::histograms() const noexcept {
  exchange_histograms result;
  for (std::size_t i = 0; i != exchange_outcome_count; ++i) {
    const lengths* const of = measured_[i].load(std::memory_order_acquire);
    if (!of)
      continue;
    for (std::size_t bucket = 0; bucket != histogram::buckets; ++bucket)
      result.by_outcome[i].add(bucket, of->counts[bucket].load(std::memory_order_relaxed));
    const auto most = static_cast<std::uint64_t>(duration::max().count());
    const std::uint64_t sum = std::min(of->sum.load(std::memory_order_relaxed), most);
    result.by_outcome[i].add_to_sum(duration(static_cast<duration::rep>(sum)));
  }
  return result;
}

} // namespace detail

} // namespace httpool
