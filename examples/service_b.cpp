// ServiceB: an HTTP server to call, measure and restart. `service_b --help` lists the flags.

#include "page_server.hpp"
#include "service_b_routes.hpp"
#ifdef SERVICE_B_TLS
#include "service_b_tls.hpp"
#endif

#include <httpool/server_threads.hpp>
#include <httpool/version.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/program_options.hpp>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <exception>
#include <iostream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace asio = boost::asio;
namespace po = boost::program_options;
using asio::ip::tcp;

namespace {

struct settings {
  std::string host;
  std::uint16_t port = 0;
  std::size_t threads = 1;
  std::string log_level;
  std::optional<tcp::endpoint> page;
  httpool::server_options server;
#ifdef SERVICE_B_TLS
  service_b::certificate_files certificates;
#endif
};

class usage_error : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::int64_t number(const po::variables_map& flags, const char* name, std::int64_t least,
                    std::int64_t most) {
  const auto value = flags[name].as<std::int64_t>();
  if (value < least || value > most)
    throw usage_error("--" + std::string(name) + " must be " + std::to_string(least) + " to " +
                      std::to_string(most) + ", not " + std::to_string(value));
  return value;
}

std::optional<tcp::endpoint> page_of(const po::variables_map& flags) {
  if (flags.count("inspect") == 0) {
    if (flags.count("inspect-host") != 0)
      throw usage_error("--inspect-host needs --inspect");
    return {};
  }
  const auto port = static_cast<std::uint16_t>(number(flags, "inspect", 0, 65535));
  const std::string host =
      flags.count("inspect-host") == 0 ? "127.0.0.1" : flags["inspect-host"].as<std::string>();
  boost::system::error_code ec;
  const auto address = asio::ip::make_address(host, ec);
  if (ec)
    throw usage_error("--inspect-host must be an IP address, not " + host);
  return tcp::endpoint(address, port);
}

// Or else somebody would wait for it for ever.
template <class Text>
void say(const Text& text) {
  if (!(std::cout << text << std::flush))
    throw std::runtime_error("cannot write to standard output");
}

#ifdef SERVICE_B_TLS
using texts = std::vector<std::string>;

void add_certificates(po::options_description& known) {
  known.add_options()(
      "cert", po::value<texts>(),
      "speak TLS: file of the certificate and its chain, in PEM; with --key; may be "
      "given again for more names; SIGHUP reads the files again")(
      "key", po::value<texts>(), "file of the key of the certificate named at the same place")(
      "client-ca", po::value<std::string>(),
      "require a certificate of clients; file of the roots of these");
}

service_b::certificate_files certificates_of(const po::variables_map& flags) {
  const auto all = [&flags](const char* name) {
    const texts given = flags.count(name) != 0 ? flags[name].as<texts>() : texts{};
    if (std::find(given.begin(), given.end(), "") != given.end())
      throw usage_error("--" + std::string(name) + " must not be empty");
    return given;
  };
  service_b::certificate_files files{all("cert"), all("key"), {}};
  if (files.chains.size() != files.keys.size())
    throw usage_error("--cert and --key must be given equally often");
  if (flags.count("client-ca") != 0) {
    files.client_ca = flags["client-ca"].as<std::string>();
    if (files.client_ca.empty())
      throw usage_error("--client-ca must not be empty");
    if (files.chains.empty())
      throw usage_error("--client-ca needs --cert and --key");
  }
  return files;
}
#endif

constexpr std::string_view usage_line = "usage: service_b [options]";

std::string usage(const po::options_description& known) {
  std::ostringstream text;
  text << usage_line
       << "\n"
          "Answers HTTP requests until SIGTERM or SIGINT. Standard output tells where it listens.\n"
          "GET /, POST /echo, GET /delay/{ms}, /bytes/{n}, /status/{code}, /connection, /healthz\n"
       << known
       << "examples:\n"
          "  service_b --port 8080 --threads 2\n"
          "  service_b --port 8443 --cert chain.pem --key key.pem\n"
          "exit codes: 0 after a signal, 1 if it cannot listen, 2 for wrong arguments\n";
  return std::move(text).str();
}

// False if only help or the version was wanted, which has been given then.
bool parse(int argc, char** argv, settings& to) {
  constexpr std::int64_t many = 1'000'000'000'000;
  po::options_description known("options");
  const auto text = [](std::string&& standard) {
    return po::value<std::string>()->default_value(std::move(standard));
  };
  const auto integer = [](std::int64_t standard) {
    return po::value<std::int64_t>()->default_value(standard);
  };
  known.add_options()("host", text("127.0.0.1"), "address or name to listen on")(
      "port", integer(8080), "port to listen on; 0 lets the system pick one")(
      "threads", integer(1), "threads that serve")("max-requests", integer(0),
                                                   "requests a connection; 0: no limit")(
      "idle-timeout-ms", integer(60'000), "how long a connection may be idle")(
      "max-connections", integer(0), "connections at a time; 0: no limit")(
      "log-level", text("info"), "trace, debug, info, warn, error or off; the log goes to stderr")(
      "inspect", po::value<std::int64_t>(),
      "port of a page that shows what the server does; 0 lets the system pick one")(
      "inspect-host", po::value<std::string>(),
      "address that the page listens on (=127.0.0.1); whoever reaches it may read it");
#ifdef SERVICE_B_TLS
  add_certificates(known);
#endif
  known.add_options()("version", "show the version")("help", "show this");
  po::variables_map flags;
  try {
    namespace style = po::command_line_style;
    po::store(po::command_line_parser(argc, argv)
                  .options(known)
                  .positional({})
                  .style(style::unix_style & ~style::allow_guessing)
                  .run(),
              flags);
    po::notify(flags);
  } catch (const po::error& wrong) {
    throw usage_error(wrong.what());
  }
  if (flags.count("help") != 0) {
    say(usage(known));
    return false;
  }
  if (flags.count("version") != 0) {
    say("httpool " + std::string(httpool::version()) + '\n');
    return false;
  }
  to.host = flags["host"].as<std::string>();
  // The form in which an IPv6 address is printed.
  if (to.host.starts_with('[') && to.host.ends_with(']'))
    to.host = to.host.substr(1, to.host.size() - 2);
  if (to.host.empty())
    throw usage_error("--host must not be empty");
  to.port = static_cast<std::uint16_t>(number(flags, "port", 0, 65535));
  to.threads = static_cast<std::size_t>(number(flags, "threads", 1, 1024));
  to.log_level = flags["log-level"].as<std::string>();
  to.server.max_requests = static_cast<std::uint64_t>(number(flags, "max-requests", 0, many));
  to.server.max_connections = static_cast<std::size_t>(number(flags, "max-connections", 0, many));
  to.server.idle_timeout =
      std::chrono::milliseconds(number(flags, "idle-timeout-ms", 1, many / 1000));
  to.page = page_of(flags);
#ifdef SERVICE_B_TLS
  to.certificates = certificates_of(flags);
#endif
  return true;
}

/// Whether each request is logged: known once, not asked of the logger for each.
bool logs_requests = false;

void start_log(const std::string& level) {
  const auto parsed = spdlog::level::from_str(level);
  if (parsed == spdlog::level::off && level != "off")
    throw usage_error("--log-level must be trace, debug, info, warn, error or off, not " + level);
  spdlog::set_default_logger(spdlog::stderr_color_mt("service_b"));
  spdlog::set_level(parsed);
  logs_requests = spdlog::should_log(spdlog::level::debug);
}

tcp::endpoint endpoint_of(const settings& from) {
  asio::io_context context;
  tcp::resolver resolver(context);
  boost::system::error_code ec;
  const auto found = resolver.resolve(from.host, std::to_string(from.port), ec);
  if (ec)
    throw std::runtime_error("cannot resolve " + from.host + ": " + ec.message());
  return found.begin()->endpoint();
}

httpool::reply answer(httpool::request&& message, const httpool::request_context& context) {
  if (logs_requests)
    spdlog::debug("connection {} request {}: {} {}", context.connection_id, context.request_number,
                  message.method(), message.target());
  return service_b::route(std::move(message), context);
}

void observe(httpool::response& message, const httpool::request_context& context) {
  service_b::stamp(message, context);
  if (logs_requests)
    spdlog::debug("connection {} request {}: {} {}", context.connection_id, context.request_number,
                  message.status(), message.reason());
}

void serve(const settings& given) {
  asio::io_context context;
  asio::signal_set signals(context, SIGTERM, SIGINT);
  httpool::server_options options = given.server;
  options.on_response = observe;
#ifdef SERVICE_B_TLS
  try {
    options.tls = service_b::encrypt(given.certificates);
  } catch (const std::invalid_argument& wrong) {
    throw usage_error(std::string("--cert, --key or --client-ca: ") + wrong.what());
  }
  asio::signal_set renewals(context);
  if (options.tls) {
    renewals.add(SIGHUP);
    service_b::reload_on(renewals, *options.tls, given.certificates);
  }
#endif
  httpool::server_threads server(given.threads, endpoint_of(given), answer, options);
  std::optional<page_server> page;
  if (given.page) {
    page.emplace(given.page->address(), given.page->port());
    page->inspector().watch_server("ServiceB", [&server] { return server.stats(); });
  }
  std::ostringstream ready;
  ready << "listening on " << server.local_endpoint() << '\n';
  if (page)
    ready << "the page is at " << page->url() << '\n';
  say(ready.str());

  signals.async_wait([&](boost::system::error_code, int number) {
    spdlog::info("stopping on signal {}", number);
    context.stop();
  });
  context.run();
  // A second signal ends the program at once.
  signals.clear();
  if (!server.stop())
    spdlog::warn("some requests were not answered in time");
  const httpool::server_stats figures = server.stats();
  spdlog::info("{} connections, at most {} at a time, {} requests, {} refused", figures.accepted,
               figures.peak_open, figures.requests, figures.refused);
}

// One line, whatever the arguments held.
int complain(std::string why, int status) {
  std::replace_if(
      why.begin(), why.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  std::cerr << "service_b: " << why << '\n';
  return status;
}

} // namespace

int main(int argc, char** argv) {
  // Who reads the log may go before the requests under way are answered: `service_b 2>&1 | tee
  // log`.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    settings given;
    if (parse(argc, argv, given)) {
      start_log(given.log_level);
      serve(given);
    }
    return 0;
  } catch (const usage_error& wrong) {
    const int status = complain(wrong.what(), 2);
    std::cerr << usage_line << "; --help lists the options\n";
    return status;
  } catch (const std::exception& failed) {
    return complain(failed.what(), 1);
  }
}
