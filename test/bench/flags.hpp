// Command lines of the benches.
#pragma once

#include <boost/program_options.hpp>

#include <cstddef>
#include <cstdint>
#include <iosfwd>
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

/// What every client under load is told, ours or a peer's.
struct load {
  std::string host;
  std::uint16_t port = 0;
  std::size_t workers = 1;
  std::size_t connections = 1;
  double seconds = 0;
  double warmup = 0;
};

void add_load_to(po::options_description& flags);
load load_of(const po::variables_map& values);

/// The `main` of a peer: `run` with the load that the words ask for.
int run_peer(int count, char** words, int (*run)(const load& what));

} // namespace bench
