// The table by which operations are found again, or not.

#include "pool/ticket_table.hpp"

#include <boost/test/unit_test.hpp>

#include <deque>

namespace {

using httpool::detail::ticket;

struct operation : httpool::detail::cancellable {};

using table = httpool::detail::ticket_table<operation>;

/// So many operations come and go, the first first; the index of the next.
std::uint32_t index_after(std::size_t crowd) {
  table all;
  std::deque<operation> many(crowd);
  for (operation& each : many)
    all.add(each);
  const ticket last = many.back().own_ticket;
  BOOST_TEST(all.find(last) == &many.back());
  for (operation& each : many)
    all.remove(each);
  BOOST_TEST(all.find(last) == nullptr);
  operation next;
  all.add(next);
  BOOST_TEST(all.find(next.own_ticket) == &next);
  BOOST_TEST(all.find(last) == nullptr);
  return next.own_ticket.index;
}

} // namespace

BOOST_AUTO_TEST_CASE(an_operation_is_found_until_it_ends) {
  table all;
  operation first;
  operation second;
  all.add(first);
  all.add(second);
  const ticket of_first = first.own_ticket;
  BOOST_TEST(all.find(of_first) == &first);
  BOOST_TEST(all.find(second.own_ticket) == &second);
  BOOST_TEST(all.find(ticket()) == nullptr);
  all.remove(first);
  BOOST_TEST(!first.own_ticket);
  BOOST_TEST(all.find(of_first) == nullptr);
  all.remove(first); // has no ticket
  operation third;
  all.add(third);
  BOOST_TEST(third.own_ticket.index == of_first.index);
  BOOST_TEST(all.find(of_first) == nullptr);
  BOOST_TEST(all.find(third.own_ticket) == &third);
  BOOST_TEST(all.find(second.own_ticket) == &second);
}

BOOST_AUTO_TEST_CASE(the_table_is_kept_for_the_next_unless_there_was_a_crowd) {
  BOOST_TEST(index_after(1) == 0u);
  BOOST_TEST(index_after(256) == 255u);
  BOOST_TEST(index_after(257) == 0u);
  BOOST_TEST(index_after(1000) == 0u);
}
