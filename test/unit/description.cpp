// What is said of a connection, by one thread, and read by others.

#include "pool/description.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

using httpool::detail::description;

namespace {

/// A text that shows whether it is whole, and which one it is.
std::string text_of(std::size_t number) {
  return std::to_string(number) + std::string(number % 41, 'x');
}

} // namespace

BOOST_AUTO_TEST_CASE(what_was_said_last_is_kept_as_far_as_there_is_room) {
  description use;
  BOOST_TEST(use.read().view().empty());
  std::string text;
  for (char next = 'A'; text.size() != 70; ++next) {
    use.say(text);
    BOOST_TEST(use.read().view() == text.substr(0, 48));
    text += next;
  }
  use.say({});
  BOOST_TEST(use.read().view().empty());
}

BOOST_AUTO_TEST_CASE(any_bytes_will_do) {
  description use;
  const std::string text("\0\xff\n\x80 \0", 6);
  use.say(text);
  BOOST_TEST(use.read().view() == text);
}

BOOST_AUTO_TEST_CASE(who_reads_meanwhile_sees_a_text_that_was_said) {
  description use;
  std::atomic<bool> is_over = false;
  std::atomic<int> wrong = 0, strange = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i != 2; ++i)
    readers.emplace_back([&] {
      std::size_t known = 0;
      while (!is_over) {
        const std::string text(use.read().view());
        if (text.empty())
          continue;
        const std::size_t number = std::stoul(text);
        wrong += text != text_of(number);
        strange += number < known;
        known = number;
      }
    });
  for (std::size_t number = 1; number != 50'000; ++number)
    use.say(text_of(number));
  is_over = true;
  for (std::thread& each : readers)
    each.join();
  BOOST_TEST(wrong == 0);
  BOOST_TEST(strange == 0, "an earlier text after a later one");
}
