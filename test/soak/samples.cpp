#include "soak/samples.hpp"

#include <algorithm>
#include <fstream>

#include <malloc.h>
#include <unistd.h>

namespace httpool_test::soak {
namespace {

constexpr double mib = 1024.0 * 1024.0;
constexpr double most_growth_mib = 4;

double median(std::vector<double> values) {
  if (values.empty())
    return 0;
  const auto middle_value = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle_value, values.end());
  return *middle_value;
}

std::string in_words(const halves& of) {
  return "from " + std::to_string(of.first) + " to " + std::to_string(of.second);
}

} // namespace

double resident_mib() {
  std::ifstream file("/proc/self/statm");
  double all_pages = 0, resident_pages = 0;
  file >> all_pages >> resident_pages;
  return resident_pages * static_cast<double>(::sysconf(_SC_PAGESIZE)) / mib;
}

std::size_t heap_bytes() {
  const struct mallinfo2 heap = ::mallinfo2();
  return heap.uordblks + heap.hblkhd;
}

halves medians(const std::vector<sample>& all, const std::function<double(const sample&)>& value) {
  const double end = all.empty() ? 0 : all.back().seconds;
  std::vector<double> first, second;
  for (const sample& each : all)
    if (each.seconds >= end * warm_up)
      (each.seconds < end * middle ? first : second).push_back(value(each));
  return {median(std::move(first)), median(std::move(second))};
}

std::vector<std::string> problems_of(const std::vector<sample>& all, std::size_t most_descriptors) {
  std::vector<std::string> found;
  const halves memory = medians(all, [](const sample& s) { return s.resident_mib; });
  if (memory.second > memory.first + most_growth_mib)
    found.emplace_back("memory grew " + in_words(memory) + " MiB");
  const auto count = [](const sample& s) { return static_cast<double>(s.descriptors); };
  const halves descriptors = medians(all, count);
  if (descriptors.second > descriptors.first * 1.25 + 8)
    found.push_back("descriptors grew " + in_words(descriptors));
  const auto most = std::max_element(all.begin(), all.end(), [](const sample& a, const sample& b) {
    return a.descriptors < b.descriptors;
  });
  if (most != all.end() && most->descriptors > most_descriptors)
    found.push_back(std::to_string(most->descriptors) + " descriptors at once");
  const halves answered =
      medians(all, [](const sample& s) { return static_cast<double>(s.answered); });
  if (answered.first <= 0 || answered.second <= answered.first)
    found.emplace_back("calls are no longer answered");
  return found;
}

} // namespace httpool_test::soak
