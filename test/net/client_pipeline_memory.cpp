// Calls on shared connections for which there is no memory: whichever allocation fails, each ends
// once, and nothing is left behind.

#include "memory/allocator_hooks.hpp"
#include "net/pipeline_fixture.hpp"
#include "net/shelf.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <utility>

using namespace client_test;

namespace {

// Counts down; the allocation that makes it zero fails.
long until_failure = 0;

/// Smaller allocations are spared: Asio 1.81 itself is not prepared for those of its strands to
/// find no memory.
bool refuses_nth(std::size_t size, httpool_test::memory_source) noexcept {
  return size > 100 && until_failure > 0 && --until_failure == 0;
}

/// While it lives.
struct refusal {
  refusal() noexcept { httpool_test::refuse_memory(refuses_nth); }
  refusal(const refusal&) = delete;
  refusal& operator=(const refusal&) = delete;
  ~refusal() { httpool_test::refuse_memory(nullptr); }
};

/// A call with messages of the caller's own.
struct own_outcome {
  request question;
  client_response answer;
  bool is_done = false;
  error_code error;
};
using own_call = std::shared_ptr<own_outcome>;

constexpr std::size_t large = 10'000;

/// What a call of `/d` gets takes memory of its own.
std::string reply(const std::string& question) {
  return target_of(question) == "/d" ? ok(std::string(large, 'd')) : echo(question);
}

/// An executor that finds no memory for a handler loses it.
template <class Call>
bool has_ended(const Call& each) {
  return each->is_done || each.use_count() == 1;
}

/// The peer's memory is its own, and never refused.
struct without_memory : pipeline_loop {
  loop hosts;
  bool may_lose_handlers = false;

  bool all_end(const std::vector<call>& calls, const std::vector<own_call>& own) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!std::all_of(calls.begin(), calls.end(), has_ended<call>) ||
           !std::all_of(own.begin(), own.end(), has_ended<own_call>)) {
      if (std::chrono::steady_clock::now() > end)
        return false;
      context.restart();
      try {
        const refusal of_one;
        context.run_one_for(1ms);
      } catch (const std::bad_alloc&) {
        // Out of a handler of Asio's own, of which there may be more.
      }
      hosts.settle();
    }
    return true;
  }

  template <class Outcome>
  void check(const Outcome& each, const client_response& answer) {
    BOOST_TEST((each.is_done || may_lose_handlers));
    if (each.error)
      BOOST_TEST(each.error == error_code(asio::error::no_memory));
    else if (each.is_done)
      BOOST_TEST((answer.body().size() == 2 || answer.body().size() == large));
  }

  /// True if an allocation was refused.
  template <class Executor>
  bool has_failure(const Executor& executor, long nth) {
    scripted_peer peer(hosts.context, {script().hears().replies(reply).repeats(),
                                       script().hears().replies(reply).repeats()});
    const std::string root = "http://127.0.0.1:" + std::to_string(peer.port);
    client sender(executor, "127.0.0.1", peer.port, sharing(3, 2));
    asio::cancellation_signal signal;
    std::vector<call> calls;
    std::vector<own_call> own;
    until_failure = nth;
    const auto tries = [&](auto begin) {
      const refusal of_one;
      try {
        begin();
        return true;
      } catch (const std::bad_alloc&) {
        return false;
      }
    };
    const auto starts = [&](auto begin) {
      calls.push_back(std::make_shared<outcome>());
      if (!tries([&] { begin(calls.back()); }))
        calls.pop_back();
    };
    const auto starts_own = [&](request question) {
      const own_call made = own.emplace_back(std::make_shared<own_outcome>());
      made->question = std::move(question);
      if (!tries([&] {
            sender.async_send(made->question, made->answer, [made](error_code ec) {
              made->is_done = true;
              made->error = ec;
            });
          }))
        own.pop_back();
    };
    const auto begin_all = [&] {
      starts([&](const call& result) {
        sender.async_send(get("/a"), asio::bind_cancellation_slot(signal.slot(), into(result)));
      });
      starts_own(get(root + "/b"));
      request put("PUT", "/c");
      put.body(std::string(20'000, 'c'));
      put.fields().add("Transfer-Encoding", "chunked");
      starts([&](const call& result) { sender.async_send(put, into(result)); });
      for (const char* const target : {"/d", "/e", "/f"})
        starts([&](const call& result) { sender.async_send(get(target), into(result)); });
    };
    begin_all();
    BOOST_TEST_REQUIRE(all_end(calls, own));
    begin_all();
    BOOST_TEST_REQUIRE(all_end(calls, own));
    const bool has_failed = std::exchange(until_failure, 0) == 0;
    for (const call& each : calls)
      check(*each, each->response);
    for (const own_call& each : own)
      check(*each, each->answer);
    if (!has_failed)
      BOOST_TEST(calls.size() + own.size() == 12u);
    sender.pool().close();
    BOOST_TEST(until([&] {
      hosts.settle();
      return sender.pool().stats().total() == 0 && peer.open() == 0;
    }));
    const httpool::pool_stats s = sender.pool().stats();
    BOOST_TEST(s.waiting == 0u);
    BOOST_TEST(s.acquires == s.granted + s.timed_out + s.cancelled + s.failed + s.refused);
    return has_failed;
  }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(whichever_allocation_fails_each_call_ends, without_memory) {
  long nth = 1;
  while (has_failure(context.get_executor(), nth))
    ++nth;
  BOOST_TEST(nth > 20);
}

BOOST_FIXTURE_TEST_CASE(whichever_allocation_fails_each_call_of_a_strand_ends, without_memory) {
  may_lose_handlers = true;
  long nth = 1;
  while (has_failure(asio::make_strand(context), nth))
    ++nth;
  BOOST_TEST(nth > 20);
}

BOOST_FIXTURE_TEST_CASE(whichever_allocation_fails_each_call_of_another_executor_ends,
                        without_memory) {
  net_test::shelf never_used;
  may_lose_handlers = true;
  long nth = 1;
  while (has_failure(net_test::shelving_executor<>(context.get_executor(), never_used), nth))
    ++nth;
  BOOST_TEST(nth > 20);
}

BOOST_FIXTURE_TEST_CASE(a_call_that_cannot_be_put_into_words_ends_alone, pipeline_loop) {
  scripted_peer peer(context, {served().repeats()});
  client sender(context, "127.0.0.1", peer.port, sharing());
  warm_up(sender);
  request odd = get();
  odd.fields().add("Content-Length", "nonsense");
  BOOST_TEST(send(sender, odd).error);
  BOOST_TEST(send(sender, get("gopher://127.0.0.1/")).error);
  check_echoes(start_some(sender, 2));
  BOOST_TEST(peer.accepted() == 1u);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_AUTO_TEST_CASE(calls_that_can_be_cancelled_die_with_their_context) {
  loop hosts;
  scripted_peer peer(hosts.context, {script().hears().pauses()});
  asio::cancellation_signal signal, another;
  const auto bird = std::make_shared<outcome>();
  {
    loop run;
    client sender(run.context, "127.0.0.1", peer.port, sharing(4));
    start_cancellable(sender, get(), signal);
    sender.async_send(get(), asio::bind_cancellation_slot(another.slot(), into(bird)));
    run.settle();
    hosts.settle();
    run.settle();
  }
  BOOST_TEST(bird.use_count() == 1);
  BOOST_TEST(!bird->is_done);
}
