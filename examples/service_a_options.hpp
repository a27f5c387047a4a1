// What the command line of service_a asks for.
#pragma once

#include <httpool/origin.hpp>
#include <httpool/proxy_settings.hpp>
#include <httpool/request.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace service_a {

/// Where some of the requests go.
struct destination {
  httpool::origin where;
  std::string target;
  std::string host;     ///< The `Host` field, if it is not the origin's; else empty.
  std::size_t pool = 0; ///< The number of the origin.
};

/// How https is called. Empty names of files are none.
struct tls_flags {
  std::string cacert;
  std::string cert;
  std::string key;
  bool insecure = false;
};

struct options {
  std::vector<std::string> urls;
  std::vector<destination> destinations; ///< One a URL; requests go to them in turn.
  std::size_t pools = 0;                 ///< How many different origins they have.
  std::size_t requests = 1;
  std::size_t concurrency = 1;
  std::size_t connections = 8;
  std::chrono::milliseconds timeout{5000};
  std::chrono::milliseconds gap{0};
  tls_flags tls;
  httpool::proxy_settings proxies;
  std::optional<std::string> output;    ///< Where bodies go: a file, or `-`.
  std::optional<std::string> data_file; ///< Where the bodies of the requests come from.
  std::optional<boost::asio::ip::tcp::endpoint> page; ///< Where the pools are shown.
  bool keep = false;                                  ///< The page stays until a signal.
  bool json = false;
  bool stats = false;
  bool version = false;
  bool help = false;

  httpool::request message; ///< What is sent each time, but for where it goes and `X-Req`.
};

/// The command line makes no sense, and why.
struct usage_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// \throws usage_error
options parse(int argc, const char* const* argv);

/// How to use the program, in short.
inline constexpr std::string_view usage_line = "usage: service_a URL... [options]";

/// The same with all its options.
std::string usage();

} // namespace service_a
