// The memory that a timer's wait is promised.

#include "wait_room.hpp"

#include <boost/test/unit_test.hpp>

#include <utility>

using httpool::detail::wait_room;

BOOST_AUTO_TEST_CASE(an_allocator_that_was_moved_from_still_equals_its_copies) {
  wait_room::allocator<char> a(std::make_shared<wait_room>());
  const wait_room::allocator<int> copy(a);
  const wait_room::allocator<char> b = std::move(a);
  BOOST_TEST((a == b)); // NOLINT(bugprone-use-after-move): that is what is asked
  BOOST_TEST((a == copy));
  char* const room = a.allocate(8);
  wait_room::allocator<char>(copy).deallocate(room, 8);
  BOOST_TEST((b == a));
  BOOST_TEST(static_cast<void*>(a.allocate(8)) == static_cast<void*>(room));
}
