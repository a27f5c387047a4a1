#include "client/reserved_post.hpp"

#include <boost/test/unit_test.hpp>

#include <memory>
#include <vector>

using httpool::detail::reserved_allocator;
using httpool::detail::reserved_blocks;

BOOST_AUTO_TEST_CASE(what_reserved_blocks_do_not_suffice_for_comes_from_elsewhere) {
  const auto blocks = std::make_shared<reserved_blocks>();
  reserved_allocator<char> memory(blocks);
  std::vector<char*> taken;
  for (int i = 0; i != 20; ++i) // more than there are
    taken.push_back(memory.allocate(reserved_blocks::size));
  BOOST_TEST(blocks->take() == nullptr);
  for (char* const each : taken)
    memory.deallocate(each, reserved_blocks::size);
  char* const large = memory.allocate(reserved_blocks::size + 1);
  BOOST_TEST(!blocks->give_back(large));
  memory.deallocate(large, reserved_blocks::size + 1);
  void* const again = blocks->take();
  BOOST_TEST(blocks->give_back(again));
}
