// The demo: ServiceA calls ServiceB through a pool of connections, and shows what becomes of them.
// `connection_pool_demo --help` lists the flags.

#include "calls.hpp"
#include "live.hpp"
#include "report.hpp"
#include "scenarios.hpp"
#include "service_b_routes.hpp"
#include "words.hpp"

#include <httpool/server_threads.hpp>
#include <httpool/version.hpp>

#include <boost/asio/ip/address_v4.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <unistd.h>

namespace demo {
namespace {

constexpr std::string_view usage_line =
    "usage: connection_pool_demo [[--json] [--plot DIR] | --serve [PORT]] [--version] [--help]";

constexpr std::string_view details =
    "\n\n"
    "Runs ServiceB, an HTTP server, on a free port of this machine, calls it through a pool of\n"
    "connections, and shows what happens to them. It takes some seconds.\n"
    "\n"
    "  --json          give the figures as one JSON document\n"
    "  --plot DIR      draw latencies and connections, too: latency.svg and connections.svg in "
    "the\n"
    "                  folder DIR, which is made if it is not there\n"
    "  --serve [PORT]  do so over and over, until a signal, and show it live on a page of this\n"
    "                  machine's port PORT (9000 if none is named; 0 has the system pick one)\n"
    "  --version       show the version of httpool\n"
    "  --help          show this\n"
    "\n"
    "examples:\n"
    "  connection_pool_demo\n"
    "  connection_pool_demo --plot pictures\n"
    "  connection_pool_demo --serve 9000\n"
    "exit codes: 0 if everything that it claims was seen to hold, 1 if not, 2 for wrong arguments\n"
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

int run(report& to, const std::function<bool()>& goes_on) {
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
    if (!goes_on())
      break;
    call_pools(each.title);
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

// Says nothing: there is a page to look at.
class no_report final : public report {
  void begin(const boost::asio::ip::tcp::endpoint&) override {}
  void add(const section&) override {}
  void end(std::size_t, std::size_t, milliseconds) override {}
};

struct arguments {
  bool help = false;
  bool version = false;
  bool json = false;
  std::optional<std::filesystem::path> plots;
  std::optional<std::uint16_t> page_port;
};

struct usage_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Before anything runs: what was measured shall not be lost for a folder.
void make_folder(const std::filesystem::path& folder) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (!std::filesystem::is_directory(folder, failed) || access(folder.c_str(), W_OK | X_OK) != 0)
    throw usage_error("--plot is \"" + folder.string() + "\", but must be a folder to write in");
}

std::uint16_t port_of(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size())
    throw usage_error("--serve is \"" + std::string(text) + "\", but must be a port");
  return port;
}

arguments parse(int argc, const char* const* argv) {
  constexpr std::uint16_t usual_port = 9000;
  arguments wanted;
  const auto has_value = [&](int i) {
    return i + 1 != argc && !std::string_view(argv[i + 1]).starts_with("--");
  };
  for (int i = 1; i != argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--help") {
      wanted.help = true;
    } else if (argument == "--version") {
      wanted.version = true;
    } else if (argument == "--json") {
      wanted.json = true;
    } else if (argument == "--plot") {
      if (!has_value(i))
        throw usage_error("--plot must be followed by a folder");
      wanted.plots = argv[++i];
    } else if (argument == "--serve") {
      wanted.page_port = has_value(i) ? port_of(argv[++i]) : usual_port;
    } else {
      throw usage_error("unknown argument " + std::string(argument));
    }
  }
  if ((wanted.json || wanted.plots) && wanted.page_port)
    throw usage_error("--serve excludes --json and --plot");
  return wanted;
}

int run(const arguments& wanted) {
  if (wanted.help) {
    std::cout << usage_line << details;
    return 0;
  }
  if (wanted.version) {
    std::cout << "httpool " << httpool::version() << '\n';
    return 0;
  }
  if (wanted.page_port) {
    no_report silent;
    serve(*wanted.page_port, [&](const auto& goes_on) { run(silent, goes_on); });
    return 0;
  }
  auto report = wanted.json ? make_json_report() : make_text_report(wants_colour());
  if (wanted.plots) {
    make_folder(*wanted.plots);
    report = make_plot_report(std::move(report), *wanted.plots);
  }
  const int result = run(*report, [] { return true; });
  if (wanted.plots && !wanted.json)
    std::cout << "Drawn: " << (*wanted.plots / latency_file).string() << ", "
              << (*wanted.plots / connections_file).string() << '\n';
  return result;
}

// One line, whatever the arguments held, and one that says how it is done.
int refuse(std::string why) {
  std::replace_if(
      why.begin(), why.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  std::cerr << "connection_pool_demo: " << why << '\n'
            << usage_line << "; --help lists the options\n";
  return 2;
}

} // namespace
} // namespace demo

int main(int argc, char** argv) {
  try {
    return demo::run(demo::parse(argc, argv));
  } catch (const demo::usage_error& wrong) {
    return demo::refuse(wrong.what());
  } catch (const std::exception& failed) {
    std::cerr << "connection_pool_demo: " << failed.what() << '\n';
    return 1;
  }
}
