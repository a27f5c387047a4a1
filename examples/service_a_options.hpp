// What the command line of service_a asks for.
#pragma once

#include <httpool/request.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace service_a {

struct options {
  std::string url;
  std::string host;
  std::uint16_t port = 80;
  std::size_t requests = 1;
  std::size_t concurrency = 1;
  std::size_t connections = 8;
  std::chrono::milliseconds timeout{5000};
  std::chrono::milliseconds gap{0};
  bool json = false;
  bool stats = false;
  bool help = false;

  httpool::request message; ///< What is sent each time, but for `X-Req`.
};

/// The command line makes no sense, and why.
struct usage_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// \throws usage_error
options parse(int argc, const char* const* argv);

/// How to use the program, in a few lines.
std::string usage();

} // namespace service_a
