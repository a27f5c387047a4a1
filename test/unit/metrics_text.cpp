// How figures are written, and which way is asked for.

#include "observe/exposition.hpp"

#include <httpool/metrics.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cmath>
#include <limits>

using httpool::content_type_of;
using httpool::histogram;
using httpool::metrics_format;
using httpool::metrics_format_for;
using httpool::detail::exposition;
using httpool::detail::label_text;
using namespace std::chrono_literals;

namespace {

constexpr auto prometheus = metrics_format::prometheus_text;
constexpr auto openmetrics = metrics_format::openmetrics_text;

std::string escaped(std::string_view value) {
  return label_text().with("a", value).text();
}

bool wants_openmetrics(std::string_view accept) {
  return metrics_format_for(accept) == openmetrics;
}

} // namespace

BOOST_AUTO_TEST_CASE(labels_are_escaped) {
  BOOST_TEST(escaped("plain") == R"(a="plain")");
  BOOST_TEST(escaped("") == R"(a="")");
  BOOST_TEST(escaped("a\"b\\c\nd") == R"(a="a\"b\\c\nd")");
  BOOST_TEST(escaped("\\n") == R"(a="\\n")");
  BOOST_TEST(escaped("x\"} 1\nevil 2") == R"(a="x\"} 1\nevil 2")");
  BOOST_TEST(label_text().with("a", "1").with("b", "2").text() == R"(a="1",b="2")");
}

BOOST_AUTO_TEST_CASE(what_is_no_utf_8_is_replaced_and_what_is_stays) {
  for (const std::string good : {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf",
                                 "\xf4\x8f\xbf\xbf", "\xe0\xa0\x80", "\xf0\x90\x80\x80"})
    BOOST_TEST(escaped(good) == "a=\"" + good + "\"");
  const std::string replaced = "\xef\xbf\xbd";
  BOOST_TEST(escaped("\xff") == "a=\"" + replaced + "\"");
  BOOST_TEST(escaped("a\xc3") == "a=\"a" + replaced + "\"");
  BOOST_TEST(escaped("\xc3z") == "a=\"" + replaced + "z\"");
  BOOST_TEST(escaped("\x80") == "a=\"" + replaced + "\"");
  BOOST_TEST(escaped("\xc0\xaf") == "a=\"" + replaced + replaced + "\""); // an overlong slash
  for (const char* bad : {"\xed\xa0\x80", "\xe0\x9f\xbf", "\xe2\x82z"})
    BOOST_TEST(!escaped(bad).find("a=\"" + replaced));
  for (const char* bad : {"\xf4\x90\x80\x80", "\xf0\x8f\xbf\xbf", "\xf5\x80\x80\x80"})
    BOOST_TEST(escaped(bad) == "a=\"" + replaced + replaced + replaced + replaced + "\"");
}

BOOST_AUTO_TEST_CASE(label_names) {
  for (const char* good : {"a", "_a", "A9", "server_address"})
    BOOST_TEST(httpool::detail::is_label_name(good));
  for (const char* bad : {"", "9", "a-b", "a.b", "__a", "\xc3\xa4", "a b"})
    BOOST_TEST(!httpool::detail::is_label_name(bad));
}

BOOST_AUTO_TEST_CASE(a_counter_in_both_formats) {
  const auto write = [](metrics_format format) {
    exposition out(format);
    out.counters("x_things", "", "Things.");
    out.sample(label_text(), std::uint64_t{3});
    out.sample(label_text().with("a", "b"), ~std::uint64_t{0});
    return std::move(out).finish();
  };
  BOOST_TEST(write(prometheus) == "# HELP x_things_total Things.\n"
                                  "# TYPE x_things_total counter\n"
                                  "x_things_total 3\n"
                                  "x_things_total{a=\"b\"} 18446744073709551615\n");
  BOOST_TEST(write(openmetrics) == "# HELP x_things Things.\n"
                                   "# TYPE x_things counter\n"
                                   "x_things_total 3\n"
                                   "x_things_total{a=\"b\"} 18446744073709551615\n"
                                   "# EOF\n");
}

BOOST_AUTO_TEST_CASE(a_gauge_with_a_unit) {
  exposition out(openmetrics);
  out.gauges("x_age_seconds", "seconds", "Age.");
  out.sample(label_text(), 0.25);
  out.sample(label_text().with("a", "1"), std::numeric_limits<double>::infinity());
  out.sample(label_text().with("a", "2"), -std::numeric_limits<double>::infinity());
  out.sample(label_text().with("a", "3"), std::nan(""));
  BOOST_TEST(std::move(out).finish() == "# HELP x_age_seconds Age.\n"
                                        "# TYPE x_age_seconds gauge\n"
                                        "# UNIT x_age_seconds seconds\n"
                                        "x_age_seconds 0.25\n"
                                        "x_age_seconds{a=\"1\"} +Inf\n"
                                        "x_age_seconds{a=\"2\"} -Inf\n"
                                        "x_age_seconds{a=\"3\"} NaN\n"
                                        "# EOF\n");
}

BOOST_AUTO_TEST_CASE(a_family_without_samples_leaves_no_trace) {
  exposition out(prometheus);
  out.gauges("x", "", "X.");
  out.counters("y", "", "Y.");
  BOOST_TEST(std::move(out).finish() == "");
}

BOOST_AUTO_TEST_CASE(a_histogram_is_cumulative_and_exact_at_its_bounds) {
  histogram h;
  h.record(65'536ns); // exactly at the first bound
  h.record(65'537ns);
  h.record(131'072ns);
  h.record(1s);
  exposition out(prometheus);
  out.histograms("x_seconds", "X.");
  out.sample(label_text().with("a", "b"), h, 16, 18);
  BOOST_TEST(std::move(out).finish() == "# HELP x_seconds X.\n"
                                        "# TYPE x_seconds histogram\n"
                                        "x_seconds_bucket{a=\"b\",le=\"6.5536e-05\"} 1\n"
                                        "x_seconds_bucket{a=\"b\",le=\"0.000131072\"} 3\n"
                                        "x_seconds_bucket{a=\"b\",le=\"0.000262144\"} 3\n"
                                        "x_seconds_bucket{a=\"b\",le=\"+Inf\"} 4\n"
                                        "x_seconds_sum{a=\"b\"} 1.000262145\n"
                                        "x_seconds_count{a=\"b\"} 4\n");
}

BOOST_AUTO_TEST_CASE(the_format_is_the_one_that_is_wanted_most) {
  BOOST_TEST(!wants_openmetrics(""));
  BOOST_TEST(!wants_openmetrics("*/*"));
  BOOST_TEST(!wants_openmetrics("text/html,application/xhtml+xml,*/*;q=0.8"));
  BOOST_TEST(wants_openmetrics("application/openmetrics-text"));
  // What Prometheus 2.42 sends, and what it sent before.
  BOOST_TEST(wants_openmetrics("application/openmetrics-text;version=1.0.0,"
                               "application/openmetrics-text;version=0.0.1;q=0.75,"
                               "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"));
  BOOST_TEST(wants_openmetrics("application/openmetrics-text; version=1.0.0; charset=utf-8"));
  BOOST_TEST(wants_openmetrics("Application/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=0.9"));
  BOOST_TEST(!wants_openmetrics("application/openmetrics-text;version=0.0.1,text/plain;q=0.1"));
  BOOST_TEST(!wants_openmetrics("application/openmetrics-text;q=0"));
  BOOST_TEST(!wants_openmetrics("application/openmetrics-text;q=0.4,text/plain;q=0.5"));
  BOOST_TEST(wants_openmetrics("application/openmetrics-text;q=0.5,text/plain;q=0.499"));
  BOOST_TEST(!wants_openmetrics("application/openmetrics-text;q=0.4,*/*;q=0.5"));
  BOOST_TEST(!wants_openmetrics("application/openmetrics-text;q=0.4,text/*;q=0.5"));
  BOOST_TEST(wants_openmetrics("text/plain;version=9;q=1,application/openmetrics-text;q=0.5"));
}

BOOST_AUTO_TEST_CASE(nonsense_asks_for_nothing) {
  for (const char* nonsense :
       {",", ";", "=", ";;;,,,", "application/openmetrics-text;q=x",
        "application/openmetrics-text;q=2", "application/openmetrics-text;q=1.1",
        "application/openmetrics-text;q=0.0001", "application/openmetrics-text;q=", "q=1",
        "application/openmetrics-text;q=1x"})
    BOOST_TEST(!wants_openmetrics(nonsense), nonsense);
}

BOOST_AUTO_TEST_CASE(content_types) {
  BOOST_TEST(content_type_of(prometheus) == "text/plain; version=0.0.4; charset=utf-8");
  BOOST_TEST(content_type_of(openmetrics) ==
             "application/openmetrics-text; version=1.0.0; charset=utf-8");
}
