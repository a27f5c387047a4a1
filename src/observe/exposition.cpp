#include "observe/exposition.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <utility>

namespace httpool::detail {
namespace {

/// The number of bytes of the well-formed character that `text`, which is not empty, begins with; 0
/// if it begins with none (RFC 3629 §4).
std::size_t character_size(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80)
    return 1;
  const std::size_t size = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (first > 0xf4 || size == 0 || text.size() < size)
    return 0;
  const unsigned lowest = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const unsigned highest = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < lowest || byte(1) > highest)
    return 0;
  for (std::size_t i = 2; i < size; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xbf)
      return 0;
  }
  return size;
}

/// Both formats are UTF-8 and escape the same characters. A byte that is none shows as U+FFFD.
void append_escaped(std::string& out, std::string_view value) {
  while (!value.empty()) {
    const std::size_t size = character_size(value);
    const char first = value.front();
    if (size == 0)
      out += "\xef\xbf\xbd";
    else if (first == '\\')
      out += "\\\\";
    else if (first == '"')
      out += "\\\"";
    else if (first == '\n')
      out += "\\n";
    else
      out += value.substr(0, size);
    value.remove_prefix(std::max<std::size_t>(size, 1));
  }
}

std::string to_text(double value) {
  if (std::isnan(value))
    return "NaN";
  if (std::isinf(value))
    return value > 0 ? "+Inf" : "-Inf";
  char room[32];
  const auto end = std::to_chars(std::begin(room), std::end(room), value).ptr;
  return std::string(std::begin(room), end);
}

double seconds(std::chrono::nanoseconds length) noexcept {
  return std::chrono::duration<double>(length).count();
}

} // namespace

label_text label_text::with(std::string_view name, std::string_view value) const {
  label_text made = *this;
  if (!made.text_.empty())
    made.text_ += ',';
  made.text_ += name;
  made.text_ += "=\"";
  append_escaped(made.text_, value);
  made.text_ += '"';
  return made;
}

bool is_label_name(std::string_view name) noexcept {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  const auto may_follow = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && is_letter(name.front()) && !name.starts_with("__") &&
         std::all_of(name.begin(), name.end(), may_follow);
}

void exposition::counters(std::string_view name, std::string_view unit, std::string_view help) {
  begin_family(name, "counter", unit, help, "_total");
}

void exposition::gauges(std::string_view name, std::string_view unit, std::string_view help) {
  begin_family(name, "gauge", unit, help, "");
}

void exposition::histograms(std::string_view name, std::string_view help) {
  begin_family(name, "histogram", "seconds", help, "");
}

void exposition::begin_family(std::string_view name, std::string_view type, std::string_view unit,
                              std::string_view help, std::string_view suffix) {
  name_ = name;
  type_ = type;
  unit_ = unit;
  help_ = help;
  suffix_ = suffix;
  is_described_ = false;
}

/// In Prometheus's format a counter is called by the name of its samples.
void exposition::describe() {
  if (std::exchange(is_described_, true))
    return;
  const bool is_open = format_ == metrics_format::openmetrics_text;
  std::string name(name_);
  if (!is_open)
    name += suffix_;
  text_ += "# HELP " + name + ' ';
  text_ += help_;
  text_ += "\n# TYPE " + name + ' ';
  text_ += type_;
  text_ += '\n';
  if (!is_open || unit_.empty())
    return;
  text_ += "# UNIT " + name + ' ';
  text_ += unit_;
  text_ += '\n';
}

void exposition::line(std::string_view suffix, const std::string& labels, std::string_view value) {
  text_ += name_;
  text_ += suffix;
  if (!labels.empty()) {
    text_ += '{';
    text_ += labels;
    text_ += '}';
  }
  text_ += ' ';
  text_ += value;
  text_ += '\n';
}

void exposition::sample(const label_text& labels, std::uint64_t value) {
  describe();
  line(suffix_, labels.text(), std::to_string(value));
}

void exposition::sample(const label_text& labels, double value) {
  describe();
  line(suffix_, labels.text(), to_text(value));
}

void exposition::sample(const label_text& labels, const histogram& counted, unsigned from,
                        unsigned to) {
  describe();
  std::uint64_t sum = 0;
  std::size_t bucket = 0;
  for (unsigned power = from; power <= to; ++power) {
    const std::chrono::nanoseconds bound(std::int64_t{1} << power);
    for (; bucket <= histogram::bucket_of(bound); ++bucket)
      sum += counted.count(bucket);
    line("_bucket", labels.with("le", to_text(seconds(bound))).text(), std::to_string(sum));
  }
  line("_bucket", labels.with("le", "+Inf").text(), std::to_string(counted.count()));
  line("_sum", labels.text(), to_text(seconds(counted.sum())));
  line("_count", labels.text(), std::to_string(counted.count()));
}

std::string exposition::finish() && {
  if (format_ == metrics_format::openmetrics_text)
    text_ += "# EOF\n";
  return std::move(text_);
}

} // namespace httpool::detail
