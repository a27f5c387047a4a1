#include "prove/report.hpp"

#include <boost/program_options.hpp>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

namespace httpool_test {

std::optional<prove_options> read_options(int argc, char** argv, const char* about,
                                          std::uint64_t usual,
                                          const std::vector<text_option>& own) {
  namespace po = boost::program_options;
  prove_options to;
  const std::string name = argv[0];
  po::options_description known(name + " [flags]: " + about);
  known.add_options()("help,h", "this text")("seeds", po::value(&to.seeds)->default_value(usual),
                                             "how many seeds, or how much work")(
      "first", po::value(&to.first)->default_value(1), "the first seed")(
      "minutes", po::value(&to.minutes)->default_value(0),
      "begin nothing after these; 0: no bound")("verbose", po::bool_switch(&to.is_verbose),
                                                "say more of each seed");
  for (const text_option& each : own)
    known.add_options()(each.name, po::value(each.to), each.about);
  try {
    po::variables_map flags;
    po::store(po::command_line_parser(argc, argv)
                  .options(known)
                  .positional(po::positional_options_description())
                  .run(),
              flags);
    po::notify(flags);
    if (flags.count("help") != 0) {
      std::cout << known;
      return std::nullopt;
    }
    if (to.minutes < 0)
      throw po::error("--minutes must not be negative");
  } catch (const std::exception& mistake) {
    std::cerr << name << ": " << mistake.what() << '\n' << known;
    std::exit(2);
  }
  return to;
}

int conclude(std::uint64_t passed, std::uint64_t failed) {
  std::cout << passed << " passed, " << failed << " failed" << std::endl;
  return failed == 0 ? 0 : 1;
}

} // namespace httpool_test
