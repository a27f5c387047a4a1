#include <httpool/error.hpp>
#include <httpool/spdlog_observer.hpp>

#include <boost/test/unit_test.hpp>

#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>
#include <stdexcept>

using namespace std::chrono_literals;

namespace {

struct log_fixture {
  std::ostringstream text;
  std::shared_ptr<spdlog::logger> logger = std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_st>(text));
  httpool::spdlog_observer observer{logger, "orders"};

  log_fixture() {
    logger->set_pattern("%l %v");
    logger->set_level(spdlog::level::debug);
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(a_missing_logger_is_refused) {
  BOOST_CHECK_THROW(httpool::spdlog_observer(nullptr, "orders"), std::invalid_argument);
}

BOOST_FIXTURE_TEST_CASE(each_event_is_one_line_that_says_what_happened, log_fixture) {
  observer.connection_made(3, 1500us);
  observer.acquire_granted(3, 0ns, 1);
  observer.probed(3, true, 2ms);
  observer.probed(3, false, 1s);
  observer.connection_closed(3, httpool::close_reason::probe_failed, 1);
  observer.connection_closed(4, httpool::close_reason::idle_timeout, 7);
  observer.dial_failed(httpool::error::connection_refused, 250us);
  const auto here = std::source_location::current();
  observer.lease_overdue({5, 60s, here});
  observer.lease_overdue({6, 61s, {}});
  BOOST_TEST(
      text.str() ==
      "info orders: connection 3 made in 1.500 ms\n"
      "debug orders: connection 3 granted after 0.000 ms, use 1\n"
      "debug orders: connection 3 probed in 2.000 ms: good\n"
      "warning orders: connection 3 probed in 1000.000 ms: bad\n"
      "warning orders: connection 3 closed after 1 uses: probe_failed\n"
      "info orders: connection 4 closed after 7 uses: idle_timeout\n"
      "warning orders: dial failed after 0.250 ms: connection_refused: nothing listens there\n"
      "warning orders: connection 5 has been leased for 60000.000 ms, since " +
          std::string(here.file_name()) + ":" + std::to_string(here.line()) + " in " +
          here.function_name() +
          "\n"
          "warning orders: connection 6 has been leased for 61000.000 ms, since an exchange "
          "began\n");
}

BOOST_FIXTURE_TEST_CASE(a_failed_acquire_tells_what_the_pool_held, log_fixture) {
  httpool::pool_snapshot snapshot;
  snapshot.leased = 5;
  snapshot.waiting = 2;
  observer.acquire_failed(httpool::error::acquire_timeout, 5s, snapshot);
  snapshot.last_dial_error = httpool::error::name_not_found;
  observer.acquire_failed(httpool::error::acquire_timeout, 5s, snapshot);
  BOOST_TEST(text.str() ==
             "warning orders: acquire failed after 5000.000 ms: acquire_timeout: no connection "
             "became ready in time (idle 0, leased 5, dialing 0, closing 0, waiting 2)\n"
             "warning orders: acquire failed after 5000.000 ms: acquire_timeout: no connection "
             "became ready in time (idle 0, leased 5, dialing 0, closing 0, waiting 2, last dial: "
             "name_not_found: the host name does not resolve)\n");
}
