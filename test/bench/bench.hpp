// The subcommands of httpool_bench.
#pragma once

#include <boost/program_options.hpp>

#include <string>
#include <vector>

namespace bench {

namespace po = boost::program_options;

/// A mistake in the command line.
struct usage_error {
  std::string what;
};

/// Somebody asked for this text.
struct help_wanted {
  std::string text;
};

/// Reads the flags of one subcommand. Throws `usage_error`, or `help_wanted`.
po::variables_map read(po::options_description flags, const std::vector<std::string>& given);

/// A flag's value, from `least` on.
template <class Number>
Number at_least(const po::variables_map& flags, const char* name, Number least) {
  const auto value = flags[name].as<Number>();
  if (value < least)
    throw usage_error{"--" + std::string(name) + " must be at least " + std::to_string(least)};
  return value;
}

// Each prints lines of JSON.
int run_client(const std::vector<std::string>& given);
int run_pool(const std::vector<std::string>& given);
int run_dial(const std::vector<std::string>& given);
int run_tls(const std::vector<std::string>& given);
int run_memory(const std::vector<std::string>& given);
int run_gate(const std::vector<std::string>& given);

} // namespace bench
