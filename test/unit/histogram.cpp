// Whether a histogram tells of durations what they were, within a bucket.

#include "unit/dice.hpp"

#include <httpool/histogram.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <vector>

using httpool::histogram;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

constexpr std::size_t last = histogram::buckets - 1;

} // namespace

BOOST_AUTO_TEST_CASE(buckets_follow_one_another_without_a_gap) {
  BOOST_TEST((histogram::lower_bound(0) == 0ns));
  BOOST_TEST((histogram::upper_bound(0) == 1024ns));
  for (std::size_t i = 0; i != last; ++i) {
    const nanoseconds low = histogram::lower_bound(i), high = histogram::upper_bound(i);
    BOOST_REQUIRE((low < high));
    BOOST_TEST(histogram::bucket_of(low + 1ns) == i);
    BOOST_TEST(histogram::bucket_of(high) == i);
    BOOST_TEST(histogram::bucket_of(high + 1ns) == i + 1);
    BOOST_TEST((i < 4 || 4 * (high - low) <= high));
  }
  BOOST_TEST((histogram::upper_bound(last) > 19h));
}

BOOST_AUTO_TEST_CASE(each_power_of_two_is_the_bound_of_a_bucket) {
  for (unsigned power = 10; power <= 46; ++power) {
    const nanoseconds bound(std::int64_t{1} << power);
    BOOST_TEST((histogram::upper_bound(histogram::bucket_of(bound)) == bound));
  }
}

BOOST_AUTO_TEST_CASE(extremes_have_buckets) {
  BOOST_TEST(histogram::bucket_of(0ns) == 0u);
  BOOST_TEST(histogram::bucket_of(1ns) == 0u);
  BOOST_TEST(histogram::bucket_of(-1ns) == 0u);
  BOOST_TEST(histogram::bucket_of(nanoseconds::min()) == 0u);
  BOOST_TEST(histogram::bucket_of(nanoseconds::max()) == last);
  histogram h;
  h.record(nanoseconds::max());
  h.record(nanoseconds::max());
  BOOST_TEST((h.sum() == nanoseconds::max()));
  h.record(nanoseconds::min());
  h.record(-1s);
  h.record(nanoseconds::max(), 3);
  BOOST_TEST((h.sum() == nanoseconds::max()));
  BOOST_TEST(h.count() == 7u);
  BOOST_TEST(h.count(0) == 2u);
  BOOST_TEST(h.count(last) == 5u);
}

BOOST_AUTO_TEST_CASE(an_empty_one_says_zero) {
  const histogram h;
  BOOST_TEST(h.count() == 0u);
  BOOST_TEST((h.sum() == 0ns));
  BOOST_TEST((h.quantile(0.5) == 0ns));
  BOOST_TEST(h.count_up_to(1h) == 0u);
}

BOOST_AUTO_TEST_CASE(quantiles_are_those_of_the_sorted_samples_within_a_bucket) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    httpool::test::dice random(seed);
    std::vector<nanoseconds> samples(1 + random.below(2000));
    nanoseconds sum = 0ns;
    histogram h;
    for (nanoseconds& each : samples) {
      const auto power = random.below(45); // as often short as long
      each = nanoseconds(random.below(std::uint64_t{1} << power));
      sum += each;
      h.record(each);
    }
    std::sort(samples.begin(), samples.end());
    BOOST_TEST(h.count() == samples.size());
    BOOST_TEST((h.sum() == sum));
    for (const double part : {0.0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0}) {
      const auto rank =
          static_cast<std::size_t>(std::ceil(part * static_cast<double>(samples.size())));
      const nanoseconds exact = samples[rank == 0 ? 0 : rank - 1];
      BOOST_TEST(histogram::bucket_of(h.quantile(part)) == histogram::bucket_of(exact),
                 "seed " << seed << ", quantile " << part);
      BOOST_TEST((h.quantile(part) >= exact));
    }
    const nanoseconds middle =
        histogram::upper_bound(histogram::bucket_of(samples[samples.size() / 2]));
    const auto beyond = std::upper_bound(samples.begin(), samples.end(), middle);
    BOOST_TEST(h.count_up_to(middle) == static_cast<std::uint64_t>(beyond - samples.begin()));
  }
}

BOOST_AUTO_TEST_CASE(a_quantile_beyond_the_range_is_that_at_its_end) {
  histogram h;
  h.record(1ms);
  h.record(1s);
  BOOST_TEST((h.quantile(-1) == h.quantile(0)));
  BOOST_TEST((h.quantile(7) == h.quantile(1)));
  BOOST_TEST((h.quantile(0) < h.quantile(1)));
}

BOOST_AUTO_TEST_CASE(merging_is_recording_all_in_one) {
  httpool::test::dice random(7);
  histogram one, other, both;
  for (int i = 0; i != 1000; ++i) {
    const nanoseconds length(random.below(std::uint64_t{1} << 40));
    (i % 3 == 0 ? one : other).record(length);
    both.record(length);
  }
  one.merge(other);
  BOOST_TEST((one == both));
}

BOOST_AUTO_TEST_CASE(what_is_taken_back_was_not_recorded) {
  histogram h, twice;
  h.record(3ms);
  const histogram before = h;
  h.record(5s);
  h.record(-5s);
  h.take_back(5s);
  h.take_back(-5s);
  BOOST_TEST((h == before));
  twice.record(5s, 2);
  h.record(5s);
  h.record(5s);
  h.take_back(3ms);
  BOOST_TEST((h == twice));
}

BOOST_AUTO_TEST_CASE(buckets_counted_elsewhere_can_be_taken_over) {
  histogram h, same;
  h.record(2ms, 5);
  same.add(histogram::bucket_of(2ms), 5);
  same.add_to_sum(10ms);
  BOOST_TEST((h == same));
}
