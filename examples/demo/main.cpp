// The demo: ServiceA calls ServiceB through a pool of connections, and shows what becomes of them.
// `connection_pool_demo --help` lists the flags.

#include "calls.hpp"
#include "report.hpp"
#include "scenarios.hpp"
#include "service_b_routes.hpp"
#include "words.hpp"

#include <httpool/server_threads.hpp>

#include <boost/asio/ip/address_v4.hpp>

#include <array>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>

#include <unistd.h>

namespace demo {
namespace {

constexpr std::string_view usage =
    "usage: connection_pool_demo [--json] [--help]\n"
    "\n"
    "Runs ServiceB, an HTTP server, on a free port of this machine, calls it through a pool of\n"
    "connections, and shows what happens to them. It takes some seconds.\n"
    "\n"
    "  --json  give the figures as one JSON document\n"
    "  --help  show this\n"
    "\n"
    "Exits with 0 if everything that it claims was seen to hold, with 1 if not.\n"
    "Colours are for terminals; NO_COLOR=1 in the environment turns them off.\n";

struct chapter {
  std::string_view title;
  std::function<figures(httpool::server_threads&)> run;
};

const std::array<chapter, 9> chapters = {{
    {"Requests one after another share a connection", send_one_after_another},
    {"Many tasks on several threads share a few connections", share_a_pool},
    {"The limit holds, as the server sees it", press_against_the_limit},
    {"A caller that does not want to wait any longer", let_a_waiter_time_out},
    {"The server closes a connection that is idle", kill_idle_connections},
    {"A peer that is there, but answers no more", probe_a_silent_peer},
    {"Ten requests in one write", send_ten_at_once},
    {"What a new connection costs", compare_new_with_reused},
    {"The pool's statistics, and an end in good order", drain_both_sides},
}};

bool wants_colour() {
  const char* const no_colour = std::getenv("NO_COLOR");
  return isatty(STDOUT_FILENO) && (!no_colour || !*no_colour);
}

int run(report& to) {
  const clock::time_point start = clock::now();
  httpool::server_options options;
  options.on_response = service_b::stamp;
  const boost::asio::ip::tcp::endpoint any_port(boost::asio::ip::address_v4::loopback(), 0);
  httpool::server_threads service_b(1, any_port, service_b::route, options);
  to.begin(service_b.local_endpoint());

  std::size_t claims = 0;
  std::size_t broken = 0;
  section told;
  for (const chapter& each : chapters) {
    ++told.number;
    told.title = each.title;
    told.seen = each.run(service_b);
    told.claims = check(told.seen);
    told.meaning = meaning_of(told.seen);
    for (const claim& made : told.claims) {
      ++claims;
      if (!made.holds) {
        ++broken;
        told.meaning.clear();
        std::cerr << "connection_pool_demo: section " << told.number << ": it does not hold that "
                  << made.text << '\n';
      }
    }
    to.add(told);
    // What ServiceB counts in the next section must be of that section.
    wait_until("ServiceB has no connection", [&] { return service_b.stats().open == 0; });
  }
  to.end(claims, broken, clock::now() - start);
  return broken == 0 ? 0 : 1;
}

int refuse(std::string_view argument) {
  std::cerr << "connection_pool_demo: unknown argument " << argument << '\n' << usage;
  return 2;
}

} // namespace
} // namespace demo

int main(int argc, char** argv) {
  std::unique_ptr<demo::report> report;
  for (int i = 1; i != argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--help") {
      std::cout << demo::usage;
      return 0;
    }
    if (argument != "--json")
      return demo::refuse(argument);
    report = demo::make_json_report();
  }
  if (!report)
    report = demo::make_text_report(demo::wants_colour());
  try {
    return demo::run(*report);
  } catch (const std::exception& failed) {
    std::cerr << "connection_pool_demo: " << failed.what() << '\n';
    return 1;
  }
}
