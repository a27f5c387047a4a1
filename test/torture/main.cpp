// Each scenario, struck at each point by each fault.
#include "prove/report.hpp"
#include "torture/peers.hpp"
#include "torture/runs.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

namespace {

using torture::fault_kind;
using torture::points;
using torture::scenario;

std::uint64_t points_for(fault_kind kind, const points& of) {
  switch (kind) {
  case fault_kind::memory:
  case fault_kind::famine:
    return of.allocations;
  case fault_kind::openssl:
    return of.openssl;
  case fault_kind::hook:
    return of.hooks;
  case fault_kind::descriptor:
  case fault_kind::dearth:
    return of.descriptors;
  default:
    return of.steps;
  }
}

/// At most so many of the points from `first` to `last`, evenly spread, these two among them.
std::vector<std::uint64_t> sample(std::uint64_t first, std::uint64_t last, std::uint64_t most) {
  std::vector<std::uint64_t> chosen;
  const std::uint64_t all = last >= first ? last - first + 1 : 0;
  const std::uint64_t count = std::min(all, most);
  for (std::uint64_t i = 0; i != count; ++i)
    chosen.push_back(count == 1 ? first : first + i * (all - 1) / (count - 1));
  return chosen;
}

struct column {
  const char* title;
  std::vector<fault_kind> kinds;
};

const std::vector<column>& columns() {
  static const std::vector<column> all{
      {"allocations", {fault_kind::memory}},
      {"from then on", {fault_kind::famine}},
      {"OpenSSL's", {fault_kind::openssl}},
      {"hooks", {fault_kind::hook}},
      {"descriptors", {fault_kind::descriptor, fault_kind::dearth}},
      {"cancelled", {fault_kind::cancel, fault_kind::cancel_partly, fault_kind::cancel_totally}}};
  return all;
}

constexpr int name_width = 26;
constexpr int figure_width = 14;

} // namespace

int main(int argc, char** argv) {
  torture::hook_openssl();
  std::string part;
  const auto options = httpool_test::read_options(
      argc, argv,
      "each allocation, hook, descriptor and step of each scenario, struck in turn; --seeds: at "
      "most so many of each, --first: from which on",
      12, {{"only", "only scenarios whose names have this in them", &part}});
  if (!options)
    return 0;
  torture::server_tls();
  const auto begun = std::chrono::steady_clock::now();
  const auto minutes = [&] {
    return std::chrono::duration<double, std::ratio<60>>(std::chrono::steady_clock::now() - begun)
        .count();
  };
  std::vector<scenario> all = torture::pool_scenarios();
  for (const auto& more :
       {torture::client_scenarios(), torture::upload_scenarios(), torture::server_scenarios()})
    all.insert(all.end(), more.begin(), more.end());

  std::cout << std::left << std::setw(name_width) << "struck at" << std::right;
  for (const column& each : columns())
    std::cout << std::setw(figure_width) << each.title;
  std::cout << std::setw(figure_width) << "escaped" << std::setw(figure_width) << "failed"
            << std::endl;
  torture::tally sum;
  for (const scenario& each : all) {
    if (options->minutes > 0 && minutes() >= options->minutes)
      break;
    if (each.name.find(part) == std::string::npos)
      continue;
    const auto counted = torture::count_points(each);
    if (!counted) {
      ++sum.failed;
      continue;
    }
    const points& found = *counted;
    torture::tally of_scenario;
    std::vector<std::string> figures;
    for (const column& c : columns()) {
      std::uint64_t tried = 0;
      for (const fault_kind kind : c.kinds) {
        const auto at = sample(options->first, points_for(kind, found), options->seeds);
        const torture::tally one = torture::strike(each, kind, at, options->is_verbose);
        tried += at.size();
        of_scenario.passed += one.passed;
        of_scenario.failed += one.failed;
        of_scenario.escaped += one.escaped;
      }
      figures.push_back(std::to_string(tried) + '/' +
                        std::to_string(c.kinds.size() * points_for(c.kinds.front(), found)));
    }
    std::cout << std::left << std::setw(name_width) << each.name << std::right;
    for (const std::string& figure : figures)
      std::cout << std::setw(figure_width) << figure;
    std::cout << std::setw(figure_width) << of_scenario.escaped << std::setw(figure_width)
              << of_scenario.failed << std::endl;
    sum.passed += of_scenario.passed;
    sum.failed += of_scenario.failed;
  }
  std::cout << "in " << std::fixed << std::setprecision(1) << minutes() * 60 << " s\n";
  return httpool_test::conclude(sum.passed, sum.failed);
}
