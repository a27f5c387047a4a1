// How the demo tells what it saw: as text for people, or as JSON for programs.
#pragma once

#include "claims.hpp"
#include "figures.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace demo {

struct section {
  std::size_t number = 0;
  std::string_view title;
  figures seen;
  std::vector<claim> claims;
  std::string meaning; // a sentence; empty if a claim does not hold
};

class report {
public:
  virtual ~report() = default;

  virtual void begin(const boost::asio::ip::tcp::endpoint& service_b) = 0;
  virtual void add(const section& told) = 0;
  virtual void end(std::size_t claims, std::size_t broken_claims, milliseconds took) = 0;
};

// Prints each section as it comes, at most 80 columns wide.
std::unique_ptr<report> make_text_report(bool in_colour);

// Prints one document at the end.
std::unique_ptr<report> make_json_report();

// The pictures that make_plot_report() draws.
inline constexpr std::string_view latency_file = "latency.svg";
inline constexpr std::string_view connections_file = "connections.svg";

// Besides what `first` does, draws at the end, into a folder that is there. Throws if it cannot.
std::unique_ptr<report> make_plot_report(std::unique_ptr<report> first,
                                         std::filesystem::path folder);

} // namespace demo
