// ServiceB as a program: what it prints, how it exits, what its routes say.

#include "net/service_b_fixture.hpp"

#include <string>
#include <vector>

using namespace server_test;

BOOST_AUTO_TEST_CASE(it_says_one_line_when_ready_and_exits_0_on_either_signal) {
  for (const int number : {SIGTERM, SIGINT}) {
    program service({"--port", "0", "--log-level", "off"});
    client peer(service.endpoint());
    BOOST_TEST(peer.get("/").body() == "Hello, World!");
    service.signal(number);
    BOOST_TEST(peer.at_end());
    const auto [status, out, err] = service.wait();
    BOOST_TEST(status == 0);
    BOOST_TEST(out == "");
    BOOST_TEST(err == "");
  }
}

BOOST_AUTO_TEST_CASE(a_request_whose_body_is_still_arriving_is_finished_on_sigterm) {
  program service({"--port", "0", "--log-level", "off", "--threads", "2"});
  client peer(service.endpoint());
  peer.send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  BOOST_TEST(peer.receive()->status() == 100u);
  service.signal(SIGTERM);
  peer.send("hello");
  BOOST_TEST(peer.receive()->body() == "hello");
  peer.half_close();
  BOOST_TEST(service.wait().status == 0);
}

BOOST_AUTO_TEST_CASE(it_exits_0_every_time_however_many_connections_are_idle) {
  for (int time = 0; time < 50; ++time) {
    program service({"--port", "0", "--log-level", "off", "--threads", "2"});
    const tcp::endpoint at = service.endpoint();
    client silent(at);
    client served(at);
    client served_too(at);
    BOOST_TEST(served.get("/").status() == 200u);
    BOOST_TEST(served_too.get("/").status() == 200u);
    service.signal(SIGTERM);
    const auto [status, out, err] = service.wait();
    BOOST_TEST(status == 0, time);
    BOOST_TEST(err == "");
  }
}

BOOST_AUTO_TEST_CASE(it_drains_on_sigterm_although_nobody_reads_its_log) {
  program service({"--port", "0", "--log-level", "debug"});
  client peer(service.endpoint());
  service.drop_err();
  peer.send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  BOOST_TEST(peer.receive()->status() == 100u);
  service.signal(SIGTERM);
  peer.send("hello");
  const auto answer = peer.receive();
  BOOST_REQUIRE(answer.has_value());
  BOOST_TEST(answer->body() == "hello");
  peer.half_close();
  BOOST_TEST(service.wait().status == 0);
}

BOOST_AUTO_TEST_CASE(an_announcement_that_cannot_be_written_is_one_line_on_stderr_and_exit_1) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--port", "0"}, std::vector<std::string>{"--help"}}) {
    const auto [status, out, err] = program(arguments, "/dev/full").wait();
    BOOST_TEST(status == 1);
    BOOST_TEST(is_one_line(err), err);
    BOOST_TEST(err.find("standard output") != std::string::npos, err);
  }
}

BOOST_AUTO_TEST_CASE(a_port_in_use_is_one_line_on_stderr_and_exit_1) {
  for (const char* threads : {"1", "2"}) {
    program first({"--port", "0", "--log-level", "off", "--threads", threads});
    const std::string port = std::to_string(first.endpoint().port());
    for (const char* more : {"1", "2"}) {
      program second({"--port", port, "--threads", more});
      if (second.line() != "")
        second.signal(SIGKILL);
      const auto [status, out, err] = second.wait();
      BOOST_TEST(status == 1, threads << " threads, then " << more);
      BOOST_TEST(is_one_line(err), err);
      BOOST_TEST(err.find("Address already in use") != std::string::npos, err);
    }
    first.signal(SIGTERM);
    BOOST_TEST(first.wait().status == 0);
  }
}

BOOST_AUTO_TEST_CASE(bad_usage_is_one_line_and_the_usage_on_stderr_and_exit_2) {
  const std::vector<std::vector<std::string>> bad{
      {"--port", "65536"},
      {"--port", "-1"},
      {"--port", "x"},
      {"--threads", "0"},
      {"--unknown"},
      {"extra"},
      {"--log-level", "shout"},
      {"--idle-timeout-ms", "0"},
      {"--max-requests", "-1"},
      {"--max-connections", "-1"},
      {"--host"},
      {"--host", ""},
      {"--host", "[]"},
      {"--por", "1"},
      {"--unknown\nwith a second line"},
      {"--inspect", "65536"},
      {"--inspect-host", "127.0.0.1"},
      {"--inspect", "0", "--inspect-host", "localhost"},
      {"--port", "1\n2"},
      {"--log-level", "a\tb\nc"},
  };
  for (const std::vector<std::string>& arguments : bad) {
    program service(arguments);
    if (service.line() != "")
      service.signal(SIGKILL);
    const auto [status, out, err] = service.wait();
    BOOST_TEST(status == 2, arguments.front());
    BOOST_TEST(out == "");
    BOOST_TEST(is_line_and_usage(err), err);
  }
}

BOOST_AUTO_TEST_CASE(the_host_may_be_in_the_form_that_is_printed) {
  program service({"--host", "[::1]", "--port", "0", "--log-level", "off"});
  const std::string ready = service.line();
  service.signal(SIGTERM);
  const auto [status, out, err] = service.wait();
  // Not every machine has IPv6.
  if (ready == "")
    BOOST_TEST(err.starts_with("service_b: cannot listen on [::1]:0: "), err);
  else
    BOOST_TEST(ready.starts_with("listening on [::1]:"), ready);
}

BOOST_AUTO_TEST_CASE(a_host_that_cannot_be_resolved_is_one_line_on_stderr_and_exit_1) {
  const auto [status, out, err] = program({"--host", "no such\nhost"}).wait();
  BOOST_TEST(status == 1);
  BOOST_TEST(out == "");
  BOOST_TEST(is_one_line(err), err);
}

BOOST_AUTO_TEST_CASE(its_routes_answer_and_show_which_connection_serves) {
  program service({"--port", "0", "--log-level", "off", "--max-requests", "20"});
  client peer(service.endpoint());
  const auto first = peer.get("/connection");
  BOOST_TEST(first.body() == "{\"connection_id\":1,\"request_number\":1}");
  BOOST_TEST(first.fields().value("Content-Type") == "application/json");
  BOOST_TEST(first.fields().value("X-Connection-Id") == "1");
  BOOST_TEST(first.fields().value("X-Request-Number") == "1");
  BOOST_TEST(peer.get("/?query").body() == "Hello, World!");
  BOOST_TEST(peer.get("http://any.test/healthz").status() == 200u);
  BOOST_TEST(peer.get("/delay/1").status() == 200u);
  BOOST_TEST(peer.get("/bytes/100000").body().size() == 100'000u);
  BOOST_TEST(peer.get("/status/503").status() == 503u);
  BOOST_TEST(peer.get("/status/204").status() == 204u);
  for (const char* unknown : {"/nothing", "/bytes/x", "/bytes/-1", "/delay/", "/status/99",
                              "/bytes/99999999999999999999"})
    BOOST_TEST(peer.get(unknown).status() == 404u, unknown);
  const auto wrong = peer.get("/echo");
  BOOST_TEST(wrong.status() == 405u);
  BOOST_TEST(wrong.fields().value("Allow") == "POST");
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  BOOST_TEST(peer.receive()->fields().value("Allow") == "GET, HEAD");
  peer.send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n0\r\n\r\n");
  const auto echo = peer.receive();
  BOOST_TEST(echo->body() == "hello");
  BOOST_TEST(echo->fields().value("Content-Type") == "a/b");
  BOOST_TEST(echo->fields().value("Transfer-Encoding") == "chunked");
  BOOST_TEST(echo->fields().value("X-Request-Number") == "16");
  service.signal(SIGTERM);
  BOOST_TEST(service.wait().status == 0);
}
