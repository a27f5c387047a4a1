#include "bench/recorder.hpp"

#include <bit>
#include <iomanip>
#include <sstream>

#include <sys/resource.h>

namespace bench {
namespace {

constexpr unsigned steps = 64; ///< In each power of two.

std::chrono::microseconds of(const timeval& time) noexcept {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

time_point after(time_point start, double seconds) {
  return start + std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double>(seconds));
}

} // namespace

void histogram::add(nanoseconds value) noexcept {
  const auto size = static_cast<std::uint64_t>(value.count() < 0 ? 0 : value.count());
  std::size_t bucket = size;
  if (size >= 2 * steps) {
    const auto shift =
        static_cast<unsigned>(std::bit_width(size) - std::bit_width<std::uint64_t>(steps));
    bucket = steps * static_cast<std::size_t>(shift) + (size >> shift);
  }
  if (bucket < buckets_.size())
    ++buckets_[bucket];
  ++count_;
}

void histogram::add(const histogram& others) noexcept {
  for (std::size_t i = 0; i != buckets_.size(); ++i)
    buckets_[i] += others.buckets_[i];
  count_ += others.count_;
}

nanoseconds histogram::quantile(double part) const noexcept {
  const auto wanted = static_cast<std::uint64_t>(part * static_cast<double>(count_));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i != buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen <= wanted)
      continue;
    if (i < 2 * steps)
      return nanoseconds(i);
    const std::size_t shift = i / steps - 1;
    return nanoseconds((i - steps * shift) << shift);
  }
  return nanoseconds::zero();
}

std::chrono::microseconds processor_time() noexcept {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return of(usage.ru_utime) + of(usage.ru_stime);
}

recorder::recorder(double warmup_seconds, double seconds)
    : opens_(after(std::chrono::steady_clock::now(), warmup_seconds)),
      closes_(after(opens_, seconds)) {}

bool recorder::record(time_point began, time_point ended) noexcept {
  if (ended < opens_)
    return true;
  if (first_ == time_point()) {
    first_ = ended;
    used_ = processor_time();
    return true;
  }
  if (ended >= closes_) {
    if (last_ == time_point()) {
      last_ = ended;
      used_ = processor_time() - used_;
    }
    return false;
  }
  latencies_.add(ended - began);
  return true;
}

std::string recorder::row(const std::string& more) const {
  const auto microseconds = [](nanoseconds t) { return static_cast<double>(t.count()) / 1e3; };
  const double requests = static_cast<double>(latencies_.count());
  std::ostringstream out;
  out << std::fixed << std::setprecision(3) << "{\"requests\":" << latencies_.count()
      << ",\"seconds\":" << std::chrono::duration<double>(last_ - first_).count()
      << ",\"cpu_us_per_req\":"
      << (requests > 0 ? static_cast<double>(used_.count()) / requests : 0)
      << ",\"p50_us\":" << microseconds(latencies_.quantile(.5))
      << ",\"p99_us\":" << microseconds(latencies_.quantile(.99)) << more << ",\"quantiles_us\":[";
  const char* comma = "";
  for (const double part : {.01, .05, .1, .25, .5, .75, .9, .95, .98, .99, .995, .999}) {
    out << comma << '[' << part << ',' << microseconds(latencies_.quantile(part)) << ']';
    comma = ",";
  }
  out << "]}";
  return out.str();
}

} // namespace bench
