// Memory for one pending operation.

#include "client/step_room.hpp"

#include <boost/test/unit_test.hpp>

using httpool::detail::step_room;

BOOST_AUTO_TEST_CASE(the_room_is_for_one_at_a_time_and_others_have_their_own) {
  step_room room;
  step_room::allocator<char> of_bytes(room);
  step_room::allocator<double> of_numbers(of_bytes);
  char* const first = of_bytes.allocate(100);
  const auto is_within = [&](const void* at) {
    return at >= static_cast<const void*>(&room) && at < static_cast<const void*>(&room + 1);
  };
  BOOST_TEST(is_within(first));
  double* const second = of_numbers.allocate(10);
  BOOST_TEST(!is_within(second));
  of_bytes.deallocate(first, 100);
  double* const third = of_numbers.allocate(10);
  BOOST_TEST(is_within(third));
  of_numbers.deallocate(second, 10);
  of_numbers.deallocate(third, 10);
  char* const large = of_bytes.allocate(10'000);
  BOOST_TEST(!is_within(large));
  of_bytes.deallocate(large, 10'000);
  BOOST_TEST((of_bytes == step_room::allocator<char>(of_numbers)));
}
