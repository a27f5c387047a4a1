// On which strand the pool's own work is done, and what that strand is entered by.

#include "pool/strand.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/test/unit_test.hpp>

namespace asio = boost::asio;
using asio::any_io_executor;
using httpool::detail::beneath_strand;
using httpool::detail::strand_of;
using plain = asio::io_context::executor_type;

BOOST_AUTO_TEST_CASE(a_strand_of_a_context_serves_as_it_is_and_is_entered_by_its_context) {
  asio::io_context context;
  const any_io_executor strand = asio::make_strand(context);
  BOOST_TEST((strand_of(strand) == strand));
  BOOST_TEST((beneath_strand(strand) == any_io_executor(context.get_executor())));
}

BOOST_AUTO_TEST_CASE(a_context_gets_a_strand_of_its_own_type) {
  asio::io_context context;
  const any_io_executor executor = context.get_executor();
  const any_io_executor first = strand_of(executor);
  const auto* const made = first.target<asio::strand<plain>>();
  BOOST_TEST_REQUIRE(made != nullptr);
  BOOST_TEST((made->get_inner_executor() == context.get_executor()));
  BOOST_TEST((strand_of(executor) != first));
  BOOST_TEST((beneath_strand(executor) == executor));
}

BOOST_AUTO_TEST_CASE(any_other_executor_gets_a_strand_that_holds_it) {
  asio::thread_pool threads(1);
  const any_io_executor executor = threads.get_executor();
  const any_io_executor first = strand_of(executor);
  const auto* const made = first.target<asio::strand<any_io_executor>>();
  BOOST_TEST_REQUIRE(made != nullptr);
  BOOST_TEST((made->get_inner_executor() == executor));
  BOOST_TEST((beneath_strand(executor) == executor));
}
