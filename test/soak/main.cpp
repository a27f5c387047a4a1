// Everything at once for a while, on loopback and with faults on. Flat lines are the pass.

#include "net/descriptors.hpp"
#include "prove/report.hpp"
#include "soak/plot.hpp"
#include "soak/samples.hpp"
#include "soak/world.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

namespace httpool_test::soak {
namespace {

using clock = world::clock;
using namespace std::chrono_literals;

constexpr auto usual = 20s;
constexpr auto rehearsal = 3s; ///< After which all has been made that is made once.
constexpr auto closing = 6min; ///< More than all the patience of `world::close`.
constexpr auto tick = 20ms;
constexpr std::size_t samples = 1'000;
constexpr std::size_t heap_slack = 512 * 1024;

/// The ends of all connections are in this process; those through the proxy have four. A server's
/// end may outlive its client's for a while, hence twice.
constexpr std::size_t most_descriptors =
    100 + 2 * (2 * world::clients + 2) * world::max_connections;

void run(world& all, clock::duration duration, std::vector<sample>* to) {
  const auto began = clock::now();
  const auto period = duration / samples;
  auto next_sample = began;
  for (auto at = began; at < began + duration; at = std::max(at + tick, clock::now())) {
    std::this_thread::sleep_until(at); // the pace of what is done and seen, not a wait for it
    all.disturb(clock::now());
    if (to && to->size() < to->capacity() && at >= next_sample) {
      to->push_back(all.look(began));
      next_sample = at + period;
    }
  }
}

void expect_end_of_world(clock::duration duration) {
  using std::chrono::seconds;
  const auto limit = std::chrono::duration_cast<seconds>(duration + closing).count();
  expect_an_end(static_cast<unsigned>(limit), "FAILED: a context with work, or a call that blocks",
                0, 0);
}

void print(const char* what, const halves& of, const char* unit) {
  std::cout << what << ": medians " << of.first << " and " << of.second << unit << '\n';
}

/// What was wrong.
std::vector<std::string> soak(std::uint64_t seed, clock::duration duration,
                              const std::string& file) {
  const tls::authority root;
  std::vector<std::string> problems;
  {
    expect_end_of_world(rehearsal);
    world first(seed, root);
    run(first, rehearsal, nullptr);
    problems = first.close();
  }
  std::vector<sample> seen;
  seen.reserve(samples + 1);
  const std::size_t descriptors_before = descriptors(), heap_before = heap_bytes();
  {
    expect_end_of_world(duration);
    world all(seed, root);
    run(all, duration, &seen);
    const std::vector<std::string> wrong = all.close();
    problems.insert(problems.end(), wrong.begin(), wrong.end());
    const tally& sum = all.sum();
    std::cout << sum.begun << " calls: " << sum.all_answered() << " answered, " << sum.failed
              << " failed by faults or were cancelled, " << sum.dropped << " streams dropped; "
              << all.restarts() << " restarts of servers\n";
  }
  const std::size_t descriptors_after = descriptors(), heap_after = heap_bytes();
  const std::vector<std::string> not_flat = problems_of(seen, most_descriptors);
  problems.insert(problems.end(), not_flat.begin(), not_flat.end());
  if (descriptors_after != descriptors_before)
    problems.emplace_back("descriptors are left");
  if (heap_after > heap_before + heap_slack)
    problems.emplace_back("memory is left");

  print("memory", medians(seen, [](const sample& s) { return s.resident_mib; }), " MiB");
  print("descriptors",
        medians(seen, [](const sample& s) { return static_cast<double>(s.descriptors); }), "");
  std::cout << "before and after: " << descriptors_before << " and " << descriptors_after
            << " descriptors, " << heap_before / 1024 << " and " << heap_after / 1024
            << " KiB of the heap\n";
  plot(seen, "Everything at once: " + std::to_string(seen.back().all_answered()) + " answers",
       file);
  std::cout << "plotted to " << file << '\n';
  return problems;
}

int prove(const prove_options& options, const std::string& file) {
  const auto duration = options.minutes > 0
                            ? std::chrono::duration_cast<clock::duration>(
                                  std::chrono::duration<double, std::ratio<60>>(options.minutes))
                            : clock::duration(usual);
  std::uint64_t passed = 0, failed = 0;
  for (std::uint64_t i = 0; i < options.seeds; ++i) {
    const std::vector<std::string> problems = soak(options.first + i, duration, file);
    for (const std::string& each : problems)
      std::cout << "FAILED: " << each << '\n';
    ++(problems.empty() ? passed : failed);
  }
  return conclude(passed, failed);
}

} // namespace
} // namespace httpool_test::soak

int main(int argc, char** argv) {
  const auto beside = std::filesystem::absolute(argv[0]).parent_path().parent_path();
  std::string file = (beside / "soak.svg").string();
  const auto options = httpool_test::read_options(
      argc, argv, "everything at once, with faults, and nothing left over; 20 s without --minutes",
      1,
      {{"plot", "the SVG that is written; soak.svg in the folder of the build without it", &file}});
  if (options && !std::ofstream(file, std::ios::app)) {
    std::cerr << argv[0] << ": cannot write " << file << '\n';
    return 2;
  }
  try {
    return options ? httpool_test::soak::prove(*options, file) : 0;
  } catch (const std::exception& trouble) {
    std::cout << "FAILED: " << trouble.what() << '\n';
    return httpool_test::conclude(0, 1);
  }
}
