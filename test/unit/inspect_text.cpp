// What is shown to people: figures, escaped texts, bars.

#include "inspect/durations.hpp"
#include "inspect/page.hpp"
#include "inspect/text.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using namespace httpool::detail;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(durations_are_said_as_people_do) {
  BOOST_TEST(duration_text(0ns) == "0 ms");
  BOOST_TEST(duration_text(1us) == "0.001 ms");
  BOOST_TEST(duration_text(420us) == "0.42 ms");
  BOOST_TEST(duration_text(999us) == "1.0 ms");
  BOOST_TEST(duration_text(9949us) == "9.9 ms");
  BOOST_TEST(duration_text(12ms) == "12 ms");
  BOOST_TEST(duration_text(3400ms) == "3.4 s");
  BOOST_TEST(duration_text(59'949ms) == "59.9 s");
  BOOST_TEST(duration_text(312s) == "5 min 12 s");
  BOOST_TEST(duration_text(25h + 61s) == "25 h 1 min");
}

BOOST_AUTO_TEST_CASE(counts_and_parts_are_said_as_people_do) {
  BOOST_TEST(count_text(0) == "0");
  BOOST_TEST(count_text(999) == "999");
  BOOST_TEST(count_text(1000) == "1,000");
  BOOST_TEST(count_text(12345678) == "12,345,678");
  BOOST_TEST(percent_text(0) == "0 %");
  BOOST_TEST(percent_text(0.053) == "5.3 %");
  BOOST_TEST(percent_text(0.5) == "50 %");
  BOOST_TEST(percent_text(0.99999) == "99.9 %");
  BOOST_TEST(percent_text(1) == "100 %");
}

BOOST_AUTO_TEST_CASE(a_template_escapes_all_but_what_is_html) {
  const std::string bad = "<script>\"'&";
  BOOST_TEST(escaped(bad) == "&lt;script&gt;&quot;&#39;&amp;");
  BOOST_TEST(filled("<b>{{x}}</b>{{{y}}}{{none}}.", {{"x", bad}, {"y", "<i>"}}) ==
             "<b>&lt;script&gt;&quot;&#39;&amp;</b><i>.");
  BOOST_TEST(filled("{{x}}", {{"x", "{{y}}"}, {"y", "no"}}) == "{{y}}", "once, not over and over");
}

BOOST_AUTO_TEST_CASE(texts_are_utf_8_without_control_characters) {
  const std::string replaced = "\xef\xbf\xbd";
  BOOST_TEST(clean_text("Gr\xc3\xbc\xc3\x9f\x65 \xe2\x82\xac \xf0\x9f\x98\x80") ==
             "Gr\xc3\xbc\xc3\x9f\x65 \xe2\x82\xac \xf0\x9f\x98\x80");
  BOOST_TEST(clean_text("a\nb\x7f\xff") == "a" + replaced + "b" + replaced + replaced);
  BOOST_TEST(clean_text("\xc3") == replaced);
  BOOST_TEST(clean_text("\xc0\xaf") == replaced + replaced, "too long a form");
  BOOST_TEST(clean_text("\xe0\x80\xaf") == replaced + replaced + replaced);
  BOOST_TEST(clean_text("\xed\xa0\x80") == replaced + replaced + replaced, "a surrogate");
  BOOST_TEST(clean_text("\xf4\x90\x80\x80") == replaced + replaced + replaced + replaced);
}

BOOST_AUTO_TEST_CASE(each_mark_has_bars_of_its_own_shape) {
  const std::string history = "..ddiillnnucp";
  BOOST_TEST(bars_of(history, 'd') == "M2 3h.6v10h-.6zM3 3h.6v10h-.6z");
  BOOST_TEST(bars_of(history, 'i') == "M4 7h2v2h-2z");
  BOOST_TEST(bars_of(history, 'l') == "M6 1h2v14h-2zM8.3 1h0.7v14h-0.7zM9.3 1h0.7v14h-0.7z");
  BOOST_TEST(bars_of("nll", 'l') == "M0.3 1h2.7v14h-2.7z");
  BOOST_TEST(bars_of(history, 'u') == "M10 6h1v8h-1z");
  BOOST_TEST(bars_of(history, 'c') == "M11 12h1v3h-1z");
  BOOST_TEST(bars_of(history, 'p') == "M12 4h1v8h-1z");
  BOOST_TEST(bars_of("....", 'l').empty());
}

BOOST_AUTO_TEST_CASE(the_outline_of_waiters_reaches_for_the_most) {
  BOOST_TEST(outline_of({0, 0, 2, 4, 4}) == "M0 100V100H2V52H3V4H5V100z");
  BOOST_TEST(outline_of({0, 0}) == "M0 100V100H2V100z");
}

BOOST_AUTO_TEST_CASE(percentiles_are_at_most_an_eighth_too_much_and_forgotten_in_a_minute) {
  durations waits;
  for (int i = 1; i <= 1000; ++i)
    waits.add(std::chrono::microseconds(i));
  const auto seen = waits.summary();
  BOOST_TEST(seen.count == 1000u);
  const auto is_near = [](std::chrono::nanoseconds got, std::chrono::nanoseconds truth) {
    return got >= truth && got <= truth * 9 / 8;
  };
  BOOST_TEST(is_near(seen.p50, 500us));
  BOOST_TEST(is_near(seen.p90, 900us));
  BOOST_TEST(is_near(seen.p99, 990us));
  BOOST_TEST(is_near(seen.most, 1ms));
  for (int i = 0; i != 6; ++i)
    waits.turn();
  BOOST_TEST(waits.summary().count == 1000u);
  waits.turn();
  BOOST_TEST(waits.summary().count == 0u);
  waits.add(-1ns);
  waits.add(std::chrono::nanoseconds::max());
  BOOST_TEST(waits.summary().count == 2u);
  BOOST_TEST((waits.summary().p50 == 0ns));
}
