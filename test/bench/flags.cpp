#include "bench/flags.hpp"

#include <exception>
#include <iostream>
#include <sstream>

namespace bench {

po::variables_map read(po::options_description flags, const std::vector<std::string>& given) {
  flags.add_options()("help,h", "this text");
  try {
    po::variables_map values;
    po::store(po::command_line_parser(given).options(flags).run(), values);
    if (values.count("help") != 0) {
      std::ostringstream text;
      text << flags;
      throw help_wanted{text.str()};
    }
    po::notify(values);
    return values;
  } catch (const po::error& e) {
    throw usage_error{e.what()};
  }
}

void add_load_to(po::options_description& flags) {
  auto add = flags.add_options();
  add("host", po::value<std::string>()->default_value("127.0.0.1"), "of the server");
  add("port", po::value<std::uint16_t>()->required(), "of the server");
  add("workers", po::value<std::size_t>()->default_value(1), "that send");
  add("connections", po::value<std::size_t>()->default_value(1), "there may be at most");
  add("seconds", po::value<double>()->default_value(3), "to measure");
  add("warmup", po::value<double>()->default_value(.5), "seconds before that");
}

load load_of(const po::variables_map& values) {
  load wanted;
  wanted.host = values["host"].as<std::string>();
  wanted.port = values["port"].as<std::uint16_t>();
  wanted.workers = at_least<std::size_t>(values, "workers", 1);
  wanted.connections = at_least<std::size_t>(values, "connections", 1);
  wanted.seconds = at_least(values, "seconds", 0.);
  wanted.warmup = at_least(values, "warmup", 0.);
  return wanted;
}

int run_peer(int count, char** words, int (*run)(const load& what)) {
  try {
    po::options_description flags("flags");
    add_load_to(flags);
    return run(load_of(read(flags, {words + 1, words + count})));
  } catch (const help_wanted& help) {
    std::cout << help.text;
    return 0;
  } catch (const usage_error& e) {
    std::cerr << words[0] << ": " << e.what << '\n';
    return 2;
  } catch (const std::exception& e) {
    std::cerr << words[0] << ": " << e.what() << '\n';
    return 1;
  }
}

} // namespace bench
