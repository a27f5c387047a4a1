#include "service_a_options.hpp"

#include <boost/program_options.hpp>
#include <boost/system/system_error.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <charconv>
#include <sstream>
#include <string_view>
#include <vector>

namespace service_a {
namespace {

namespace po = boost::program_options;

po::options_description described() {
  po::options_description all("options");
  auto add = all.add_options();
  const auto text = [](const char* otherwise) {
    return po::value<std::string>()->default_value(otherwise);
  };
  add("requests", text("1"), "how many requests to send");
  add("concurrency", text("1"), "how many callers share the pool");
  add("connections", text("8"), "the most connections that the pool may have");
  add("timeout-ms", text("5000"), "time for a whole call, and for a dial");
  add("method", text("GET"), "the method of the requests");
  add("gap-ms", text("0"), "each caller's pause after an answer");
  add("body", po::value<std::string>(), "the body of the requests");
  add("body-bytes", po::value<std::string>(), "a body of that many bytes");
  add("header", po::value<std::vector<std::string>>(), "a field 'Name: value'; may be repeated");
  add("json", po::bool_switch(), "a line of JSON for each request");
  add("stats", po::bool_switch(), "the statistics of the pool, on stderr");
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

/// Where the requests go. The target is the URL's path and query exactly as they were given.
std::string take_url(options& wanted) {
  const auto refuse = [&wanted](const char* why) {
    throw usage_error("\"" + wanted.url + "\" is not a URL to send requests to: " + why);
  };
  const auto parsed = boost::urls::parse_uri(wanted.url);
  if (!parsed)
    refuse("it must be of the form http://HOST[:PORT][/PATH][?QUERY]");
  const boost::urls::url_view url = *parsed;
  if (url.scheme_id() != boost::urls::scheme::http)
    refuse("its scheme must be http");
  if (url.has_userinfo())
    refuse("it must not hold a user name or password");
  if (!url.has_authority() || url.encoded_host().empty())
    refuse("it has no host");
  if (url.encoded_host().find('%') != boost::urls::pct_string_view::npos)
    refuse("its host must not be percent-encoded");
  if (!url.encoded_path().empty() && !url.encoded_path().starts_with('/'))
    refuse("between its host or port and its path there must be a /");
  const auto port = url.port();
  if (!port.empty()) {
    const auto error = std::from_chars(port.begin(), port.end(), wanted.port).ec;
    if (error != std::errc() || wanted.port == 0)
      refuse("its port must be from 1 to 65535");
  }
  wanted.host = url.host();
  std::string target(url.encoded_path().data(), url.encoded_path().size());
  if (!target.starts_with('/'))
    target.insert(0, 1, '/');
  if (url.has_query())
    target.append("?").append(url.encoded_query().data(), url.encoded_query().size());
  return target;
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
    if (one == "--body" && i + 1 < argc && std::string_view(argv[i + 1]).starts_with("--"))
      throw usage_error("--body has no value; one that begins with -- is given as --body=VALUE");
    if (one == "--body=") {
      all.emplace_back("--body");
      all.emplace_back();
    } else {
      all.emplace_back(one);
    }
  }
  return all;
}

options from(const po::variables_map& given) {
  options wanted;
  wanted.help = given["help"].as<bool>();
  if (wanted.help)
    return wanted;
  if (given.count("url") == 0)
    throw usage_error("a URL is missing");
  wanted.url = given["url"].as<std::string>();
  const std::string target = take_url(wanted);
  constexpr std::uint64_t many = 1'000'000'000;
  wanted.requests = number(given, "requests", 1, many);
  wanted.concurrency = number(given, "concurrency", 1, 1'000'000);
  wanted.connections = number(given, "connections", 1, 1'000'000);
  wanted.timeout = milliseconds(given, "timeout-ms", 1);
  wanted.gap = milliseconds(given, "gap-ms", 0);
  wanted.json = given["json"].as<bool>();
  wanted.stats = given["stats"].as<bool>();
  const auto& method = given["method"].as<std::string>();
  try {
    wanted.message = httpool::request(method, target);
  } catch (const boost::system::system_error&) {
    throw usage_error("--method is \"" + method + "\", which is no HTTP method");
  }
  if (given.count("body") != 0 && given.count("body-bytes") != 0)
    throw usage_error("--body and --body-bytes exclude each other");
  if (given.count("body") != 0)
    wanted.message.body(given["body"].as<std::string>());
  if (given.count("body-bytes") != 0)
    wanted.message.body(std::string(number(given, "body-bytes", 0, many), 'x'));
  if (given.count("header") != 0)
    for (const std::string& line : given["header"].as<std::vector<std::string>>())
      add_field(wanted.message, line);
  return wanted;
}

} // namespace

options parse(int argc, const char* const* argv) {
  po::options_description all = described();
  all.add_options()("url", po::value<std::string>());
  po::positional_options_description places;
  places.add("url", 1);
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
  text << "usage: service_a URL [options]\n" << described();
  return text.str();
}

} // namespace service_a
