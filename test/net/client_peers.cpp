// What comes of an exchange with a peer that misbehaves, a row each, and of the exchange after it.

#include "net/misbehaviour_framing.hpp"
#include "net/misbehaviour_head.hpp"
#include "net/misbehaviour_order.hpp"

#include <boost/asio/error.hpp>

#include <set>

using namespace client_test;

namespace {

/// Opens a response, and reads its body to the end.
class reader {
public:
  explicit reader(outcome& result) : result_(result) {}

  void open(client& sender, request message) {
    sender.async_open(std::move(message), [this](error_code ec, httpool::response_stream answer) {
      if (ec)
        return end(ec);
      stream_ = std::move(answer);
      read();
    });
  }

private:
  void read() {
    stream_.async_read_some(asio::buffer(room_), [this](error_code ec, std::size_t size) {
      text_.append(room_.data(), size);
      ec ? end(ec) : read();
    });
  }

  void end(error_code ec) {
    result_.is_done = true;
    result_.error = ec == asio::error::eof ? error_code() : ec;
    if (result_.error)
      return;
    result_.response = stream_.head();
    result_.response.body() = text_;
  }

  outcome& result_;
  httpool::response_stream stream_;
  std::array<char, 5'000> room_;
  std::string text_;
};

outcome exchange(loop& run, client& sender, const misbehaviour& row, bool is_streamed) {
  if (!is_streamed)
    return run.send(sender, row.message);
  outcome result;
  reader reading(result);
  reading.open(sender, row.message);
  BOOST_TEST_REQUIRE(run.until([&] { return result.is_done; }));
  return result;
}

void check(loop& run, const misbehaviour& row, bool is_streamed) {
  script first = row.plan;
  first.steps.push_back({script::kind::hear});
  first.steps.push_back({script::kind::say, ok("over the same connection")});
  scripted_peer peer(run.context, {first, script().answers(ok("over another")).repeats()});
  client sender(run.context, "127.0.0.1", peer.port, row.options);

  const outcome end = exchange(run, sender, row, is_streamed);
  BOOST_TEST(end.error == row.error);
  if (!row.error) {
    BOOST_TEST(end.response.status() == row.status);
    BOOST_TEST(end.response.body() == row.body);
    BOOST_TEST(end.response.attempts() == 1u);
  }
  BOOST_TEST(sender.pool().stats().leased == 0u);
  if (peer.is_paused(0))
    peer.go_on(0);
  run.settle();

  const outcome next = run.send(sender, get("/next"));
  BOOST_TEST(next.error == error_code());
  BOOST_TEST(next.response.body() == (row.is_kept ? "over the same connection" : "over another"));
  BOOST_TEST(next.response.attempts() == 1u);
  check_nothing_is_left(run, sender, peer);
}

std::vector<misbehaviour> all_rows() {
  std::vector<misbehaviour> all;
  for (auto part :
       {odd_lengths, odd_codings, odd_chunks, odd_bodies, odd_status_lines, odd_fields,
        odd_persistence, odd_interim_responses, bytes_out_of_turn, early_ends, slow_ones})
    for (misbehaviour& row : part())
      all.push_back(std::move(row));
  return all;
}

} // namespace

BOOST_FIXTURE_TEST_CASE(scar_60_a_peer_that_misbehaves_gets_what_the_standard_says, loop) {
  for (const misbehaviour& row : all_rows())
    for (const bool is_streamed : {false, true})
      if (!is_streamed || !row.is_whole_only)
        BOOST_TEST_CONTEXT(row.name << " (RFC " << row.section << ")"
                                    << (is_streamed ? ", streamed" : ""))
  check(*this, row, is_streamed);
}

BOOST_AUTO_TEST_CASE(there_are_many_ways_to_misbehave_and_each_has_its_name) {
  std::set<std::string> names;
  for (const misbehaviour& row : all_rows())
    BOOST_TEST(names.insert(row.name).second, row.name);
  BOOST_TEST(names.size() >= 60u);
  BOOST_TEST_MESSAGE(names.size() << " ways");
}

/// Before anything was asked, nothing can be an answer (RFC 9112 §9.2).
BOOST_FIXTURE_TEST_CASE(scar_49_a_response_before_the_first_request_is_nobodys, loop) {
  scripted_peer peer(context, {script().says(ok("evil")), script().answers(ok("good"))});
  client sender(context, "127.0.0.1", peer.port);
  sender.pool().prewarm(1);
  BOOST_TEST(until([&] { return sender.pool().stats().idle == 1 && peer.accepted() == 1; }));
  settle();
  BOOST_TEST(send(sender, get()).response.body() == "good");
  BOOST_TEST(sender.pool().stats().closed(close_reason::peer_spoke) == 1u);
  check_nothing_is_left(*this, sender, peer);
}

/// A final response that comes while the head is still being written makes the body unwanted
/// (RFC 9110 §10.1.1).
BOOST_FIXTURE_TEST_CASE(scar_51_a_body_that_waits_for_leave_stays_unsent_once_the_answer_has_begun,
                        loop) {
  scripted_peer peer(context, {script()
                                   .says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh")
                                   .pauses()
                                   .hears_head()
                                   .pauses()
                                   .says("i"),
                               script().answers(ok("next"))});
  client_options patient;
  patient.continue_timeout = 1h;
  client sender(context, "127.0.0.1", peer.port, patient);
  request careful = post();
  careful.fields().set("Expect", "100-continue");
  careful.fields().set("X-Long", std::string(30'000'000, 'x'));
  const call under_way = start(sender, careful);
  BOOST_TEST(until([&] { return peer.is_paused(0); }));
  settle();
  peer.go_on(0);
  BOOST_TEST(until([&] { return peer.is_paused(0); }));
  settle();
  peer.go_on(0);
  BOOST_TEST(end_of(under_way).response.body() == "hi");
  BOOST_TEST(send(sender, get()).response.body() == "next");
  BOOST_TEST(peer.unheard(0) == 0u);
  check_nothing_is_left(*this, sender, peer);
}
