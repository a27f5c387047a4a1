#include "prove/report.hpp"

#include <boost/program_options.hpp>

#include <array>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

#include <unistd.h>

namespace httpool_test {
namespace {

constexpr double most_minutes = 1e6; // What clocks can add to a time.

std::array<char, 1'024> last_words = {};
std::size_t last_words_size = 0;

void give_up(int) {
  const char* from = last_words.data();
  for (std::size_t left = last_words_size; left != 0;) {
    const ssize_t written = ::write(STDOUT_FILENO, from, left);
    if (written <= 0)
      break;
    from += written;
    left -= static_cast<std::size_t>(written);
  }
  ::_exit(1);
}

} // namespace

std::optional<prove_options> read_options(int argc, char** argv, const char* about,
                                          std::int64_t usual, const std::vector<text_option>& own) {
  namespace po = boost::program_options;
  prove_options to;
  std::int64_t seeds = 0, first = 0; // An unsigned value would take -1 for a large one.
  const std::string name = argv[0];
  po::options_description known(name + " [flags]: " + about);
  known.add_options()("help,h", "this text")("seeds", po::value(&seeds)->default_value(usual),
                                             "how many seeds, or how much work")(
      "first", po::value(&first)->default_value(1), "the first seed")(
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
    if (seeds < (usual == 0 ? 0 : 1))
      throw po::error("--seeds must be a positive number");
    if (first < 0)
      throw po::error("--first must not be negative");
    if (!(to.minutes >= 0 && to.minutes <= most_minutes)) // Nor is it "nan".
      throw po::error("--minutes must be a number from 0 to a million");
    to.seeds = static_cast<std::uint64_t>(seeds);
    to.first = static_cast<std::uint64_t>(first);
  } catch (const std::exception& mistake) {
    std::cerr << name << ": " << mistake.what() << '\n' << known;
    std::exit(2);
  }
  return to;
}

void expect_an_end(unsigned seconds, const std::string& of, std::uint64_t passed,
                   std::uint64_t failed) {
  ::alarm(0);
  std::cout.flush(); // Nobody will.
  std::string text = of + ": no end within " + std::to_string(seconds) + " s\n";
  text += std::to_string(passed) + " passed, " + std::to_string(failed + 1) + " failed\n";
  last_words_size = text.copy(last_words.data(), last_words.size());
  std::signal(SIGALRM, give_up);
  ::alarm(seconds);
}

int conclude(std::uint64_t passed, std::uint64_t failed) {
  if (passed == 0 && failed == 0)
    std::cout << "nothing was tried, which proves nothing\n";
  std::cout << passed << " passed, " << failed << " failed" << std::endl;
  return passed != 0 && failed == 0 ? 0 : 1;
}

} // namespace httpool_test
