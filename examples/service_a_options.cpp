#include "service_a_options.hpp"

#include <httpool/body_source.hpp>
#include <httpool/error.hpp>
#include <httpool/url.hpp>

#include <boost/program_options.hpp>
#include <boost/system/system_error.hpp>

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace service_a {
namespace {

namespace po = boost::program_options;

constexpr std::uint64_t many = 1'000'000'000;

po::options_description described() {
  po::options_description all("options");
  auto add = all.add_options();
  const auto text = [](const char* otherwise) {
    return po::value<std::string>()->default_value(otherwise);
  };
  add("requests", text("1"), "how many requests to send");
  add("concurrency", text("1"), "how many callers share the pool");
  add("connections", text("8"), "the most connections to each origin");
  add("timeout-ms", text("5000"), "time for a whole call, and for a dial");
  add("method", po::value<std::string>(), "the method of the requests (=GET, or POST with --data)");
  add("gap-ms", text("0"), "each caller's pause after an answer");
  add("body", po::value<std::string>(), "the body of the requests");
  add("body-bytes", po::value<std::string>(), "a body of that many bytes");
  add("data", po::value<std::string>(), "the body: a text, or @ and the name of a file");
  add("header", po::value<std::vector<std::string>>(), "a field 'Name: value'; may be repeated");
  add("http1.0", po::bool_switch(), "send HTTP/1.0 that asks to keep the connection");
  add("unix-socket", po::value<std::string>(), "the socket to use, whatever the URLs name");
  add("cacert", text(""), "a file of the roots to trust for https, instead of the system's");
  add("cert", text(""), "the certificate to show to servers that ask, as PEM");
  add("key", text(""), "the file of its key, if it is another one");
  add("insecure", po::bool_switch(), "do not verify who the server is");
  add("proxy", po::value<std::string>(),
      "the proxy for all URLs: http[s]:// or socks5://[USER:PASSWORD@]HOST[:PORT]");
  add("no-proxy", text(""), "hosts, addresses and ranges that are called without a proxy");
  add("proxy-from-environment", po::bool_switch(),
      "the proxies of http_proxy, https_proxy, all_proxy and no_proxy");
  add("output", po::value<std::string>(),
      "a file for the responses' bodies, one after the other; "
      "- is standard output");
  add("json", po::bool_switch(), "a line of JSON for each request");
  add("stats", po::bool_switch(), "the statistics of the pools, on stderr");
  add("inspect", po::value<std::string>(),
      "the port of a page that shows the pools, live; 0 lets the system pick one");
  add("inspect-host", po::value<std::string>(),
      "the address that the page listens on (=127.0.0.1); whoever reaches it may read it");
  add("keep", po::bool_switch(), "with --inspect: stay when all is sent, until a signal");
  add("version", po::bool_switch(), "the version of httpool");
  add("help", po::bool_switch(), "this text");
  return all;
}

std::uint64_t number(const po::variables_map& given, const char* name, std::uint64_t least,
                     std::uint64_t most) {
  const auto& text = given[name].as<std::string>();
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
    throw usage_error(std::string("--") + name + " is \"" + text +
                      "\", but must be a number from " + std::to_string(least) + " to " +
                      std::to_string(most));
  return value;
}

std::chrono::milliseconds milliseconds(const po::variables_map& given, const char* name,
                                       std::uint64_t least) {
  constexpr std::uint64_t a_week = 7 * 24 * 3600 * 1000;
  return std::chrono::milliseconds(number(given, name, least, a_week));
}

/// The socket that all requests go over, whatever their URLs name.
std::optional<httpool::origin> given_socket(const po::variables_map& given) {
  if (given.count("unix-socket") == 0)
    return {};
  const auto& path = given["unix-socket"].as<std::string>();
  try {
    return httpool::origin::unix_socket(path.empty() ? path
                                                     : std::filesystem::absolute(path).string());
  } catch (const std::invalid_argument&) {
    throw usage_error("--unix-socket is \"" + path + "\", which is no path of a socket");
  }
}

destination take_url(const std::string& text, const std::optional<httpool::origin>& socket) {
  const auto parsed = httpool::parse_url(text);
  if (parsed.has_error() && parsed.error() == httpool::error::url_with_credentials)
    throw usage_error("a URL that is not shown here is not a URL to send requests to: " +
                      parsed.error().message());
  if (parsed.has_error())
    throw usage_error("\"" + text +
                      "\" is not a URL to send requests to: " + parsed.error().message());
  if (!socket)
    return {parsed->origin(), parsed->target(), "", 0};
  if (parsed->origin().scheme() == httpool::scheme::http_unix)
    throw usage_error("\"" + text + "\" names a socket, and so does --unix-socket");
  return {*socket, parsed->target(), parsed->origin().authority(), 0};
}

void take_urls(const po::variables_map& given, options& wanted) {
  wanted.urls = given["url"].as<std::vector<std::string>>();
  const std::optional<httpool::origin> socket = given_socket(given);
  std::unordered_map<httpool::origin, std::size_t> pools;
  for (const std::string& text : wanted.urls) {
    destination to = take_url(text, socket);
    to.pool = pools.try_emplace(to.where, pools.size()).first->second;
    wanted.destinations.push_back(std::move(to));
  }
  wanted.pools = pools.size();
}

void add_field(httpool::request& message, const std::string& line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string::npos)
    throw usage_error("--header is \"" + line + "\", but must be 'Name: value'");
  try {
    message.fields().add(line.substr(0, colon), line.substr(colon + 1));
  } catch (const boost::system::system_error&) {
    throw usage_error("--header is \"" + line + "\", which is no HTTP field");
  }
}

/// The arguments as the parser has to see them. It would take `--body=` for an error, and the
/// option after a forgotten body for that body.
std::vector<std::string> arguments(int argc, const char* const* argv) {
  std::vector<std::string> all;
  for (int i = 1; i < argc; ++i) {
    const std::string_view one = argv[i];
    const bool is_text = one == "--body" || one == "--data";
    if (is_text && i + 1 < argc && std::string_view(argv[i + 1]).starts_with("--"))
      throw usage_error(std::string(one) + " has no value; one that begins with -- is given as " +
                        std::string(one) + "=VALUE");
    if (one == "--body=" || one == "--data=") {
      all.emplace_back(one.substr(0, one.size() - 1));
      all.emplace_back();
    } else {
      all.emplace_back(one);
    }
  }
  return all;
}

void take_body(const po::variables_map& given, options& wanted) {
  if (given.count("body") + given.count("body-bytes") + given.count("data") > 1)
    throw usage_error("--body, --body-bytes and --data exclude each other");
  if (given.count("body") != 0)
    wanted.message.body(given["body"].as<std::string>());
  if (given.count("body-bytes") != 0)
    wanted.message.body(std::string(number(given, "body-bytes", 0, many), 'x'));
  if (given.count("data") == 0)
    return;
  const auto& data = given["data"].as<std::string>();
  if (!data.starts_with('@')) {
    wanted.message.body(data);
    return;
  }
  wanted.data_file = data.substr(1);
  try {
    httpool::body_source::file(*wanted.data_file); // better known before a request is under way
  } catch (const boost::system::system_error& e) {
    throw usage_error("--data is \"" + data + "\", which cannot be read: " + e.what());
  }
}

void take_message(const po::variables_map& given, options& wanted) {
  std::string method = given.count("data") == 0 ? "GET" : "POST";
  if (given.count("method") != 0)
    method = given["method"].as<std::string>();
  try {
    wanted.message.method(method);
  } catch (const boost::system::system_error&) {
    throw usage_error("--method is \"" + method + "\", which is no HTTP method");
  }
  take_body(given, wanted);
  if (given.count("header") != 0)
    for (const std::string& line : given["header"].as<std::vector<std::string>>())
      add_field(wanted.message, line);
  if (given["http1.0"].as<bool>()) {
    wanted.message.version(httpool::http_version::http_1_0);
    if (!wanted.message.fields().contains("Connection"))
      wanted.message.fields().add("Connection", "keep-alive");
  }
}

void take_tls(const po::variables_map& given, tls_flags& wanted) {
  for (const char* each : {"cacert", "cert", "key"}) { // such as an unset variable of the shell
    if (!given[each].defaulted() && given[each].as<std::string>().empty())
      throw usage_error(std::string("--").append(each).append(" must not be empty"));
  }
  wanted.cacert = given["cacert"].as<std::string>();
  wanted.cert = given["cert"].as<std::string>();
  wanted.key = given["key"].as<std::string>();
  wanted.insecure = given["insecure"].as<bool>();
  if (wanted.cert.empty() && !wanted.key.empty())
    throw usage_error("--key is given, and --cert is not");
  if (wanted.insecure && !wanted.cacert.empty())
    throw usage_error("--insecure and --cacert exclude each other");
}

void take_proxies(const po::variables_map& given, httpool::proxy_settings& wanted) {
  const bool asks_environment = given["proxy-from-environment"].as<bool>();
  if (asks_environment && given.count("proxy") != 0)
    throw usage_error("--proxy and --proxy-from-environment exclude each other");
  try {
    if (asks_environment)
      wanted = httpool::proxy_settings::from_environment();
    for (const std::string& each : wanted.skipped_rules)
      std::cerr << "service_a: no_proxy: '" << each << "' is no rule, and is passed over\n";
    if (given.count("proxy") != 0)
      wanted.http = wanted.https = httpool::proxy(given["proxy"].as<std::string>());
    if (const auto& list = given["no-proxy"].as<std::string>(); !list.empty())
      wanted.no_proxy = httpool::no_proxy_rules(list);
  } catch (const std::invalid_argument& e) {
    throw usage_error(std::string("--proxy, --no-proxy or the environment: ") + e.what());
  }
}

void take_page(const po::variables_map& given, options& wanted) {
  wanted.keep = given["keep"].as<bool>();
  if (given.count("inspect") == 0) {
    if (wanted.keep || given.count("inspect-host") != 0)
      throw usage_error("--keep and --inspect-host need --inspect");
    return;
  }
  const std::string host =
      given.count("inspect-host") == 0 ? "127.0.0.1" : given["inspect-host"].as<std::string>();
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  if (error)
    throw usage_error("--inspect-host is \"" + host + "\", but must be an IP address");
  wanted.page.emplace(address, static_cast<std::uint16_t>(number(given, "inspect", 0, 65535)));
}

options from(const po::variables_map& given) {
  options wanted;
  wanted.help = given["help"].as<bool>();
  wanted.version = given["version"].as<bool>();
  if (wanted.help || wanted.version)
    return wanted;
  if (given.count("url") == 0)
    throw usage_error("a URL is missing");
  take_urls(given, wanted);
  wanted.requests = number(given, "requests", 1, many);
  wanted.concurrency = number(given, "concurrency", 1, 1'000'000);
  wanted.connections = number(given, "connections", 1, 1'000'000);
  wanted.timeout = milliseconds(given, "timeout-ms", 1);
  wanted.gap = milliseconds(given, "gap-ms", 0);
  wanted.json = given["json"].as<bool>();
  wanted.stats = given["stats"].as<bool>();
  if (given.count("output") != 0)
    wanted.output = given["output"].as<std::string>();
  if (wanted.json && wanted.output == "-")
    throw usage_error("--json and --output - exclude each other: both want standard output");
  take_tls(given, wanted.tls);
  take_proxies(given, wanted.proxies);
  take_page(given, wanted);
  take_message(given, wanted);
  return wanted;
}

} // namespace

options parse(int argc, const char* const* argv) {
  po::options_description all = described();
  all.add_options()("url", po::value<std::vector<std::string>>());
  po::positional_options_description places;
  places.add("url", -1);
  namespace style = po::command_line_style;
  po::variables_map given;
  try {
    po::store(po::command_line_parser(arguments(argc, argv))
                  .options(all)
                  .positional(places)
                  .style(style::unix_style & ~style::allow_guessing)
                  .run(),
              given);
  } catch (const po::error& e) {
    throw usage_error(e.what());
  }
  return from(given);
}

std::string usage() {
  std::ostringstream text;
  text << usage_line << "\n"
       << "A URL is http[s]://HOST[:PORT][/PATH][?QUERY] or http+unix://SOCKET[/PATH][?QUERY], "
          "with\n"
       << "the socket's slashes written %2F. Requests go to the URLs in turn.\n"
       << described()
       << "examples:\n"
          "  service_a http://127.0.0.1:8080/\n"
          "  service_a http://127.0.0.1:8080/echo --data @order.json --header 'Content-Type: "
          "application/json'\n"
          "  service_a https://example.org/ --requests 1000 --concurrency 16 --stats\n"
          "exit codes: 0 if every request was answered, 1 if one was not, 2 for wrong arguments\n";
  return text.str();
}

} // namespace service_a
