// Which format a peer asks for.

#include <httpool/metrics.hpp>

#include <algorithm>
#include <optional>

namespace httpool {
namespace {

constexpr std::string_view blanks = " \t";

std::string_view trimmed(std::string_view text) noexcept {
  const auto begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos)
    return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// Takes what stands before the next `separator`, or all, off `text`.
std::string_view take_part(std::string_view& text, char separator) noexcept {
  const std::string_view part = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return trimmed(part);
}

bool same_word(std::string_view one, std::string_view other) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [&](char a, char b) { return lower(a) == lower(b); });
}

std::string_view unquoted(std::string_view value) noexcept {
  const bool is_quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
  return is_quoted ? value.substr(1, value.size() - 2) : value;
}

/// A weight in thousandths (RFC 9110 §12.4.2); none if it is malformed.
std::optional<int> weight(std::string_view text) noexcept {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1') ||
      (text.size() > 1 && text[1] != '.'))
    return std::nullopt;
  int sum = (text[0] - '0') * 1000;
  int worth = 100;
  for (const char c : text.substr(std::min<std::size_t>(text.size(), 2))) {
    if (c < '0' || c > '9')
      return std::nullopt;
    sum += (c - '0') * worth;
    worth /= 10;
  }
  return sum <= 1000 ? std::optional(sum) : std::nullopt;
}

/// How much each format is wanted, in thousandths; below zero if nothing is said of it.
struct wishes {
  int openmetrics = -1;
  int text = -1;
  int anything = -1;
};

void take_in(std::string_view range, wishes& found) noexcept {
  const std::string_view type = take_part(range, ';');
  std::string_view version;
  int quality = 1000;
  while (!range.empty()) {
    std::string_view value = take_part(range, ';');
    const std::string_view name = take_part(value, '=');
    value = trimmed(value);
    if (same_word(name, "q"))
      quality = weight(value).value_or(0);
    else if (same_word(name, "version"))
      version = unquoted(value);
  }
  if (same_word(type, "application/openmetrics-text")) {
    if (version.empty() || version == "1.0.0")
      found.openmetrics = std::max(found.openmetrics, quality);
  } else if (same_word(type, "text/plain")) {
    if (version.empty() || version == "0.0.4")
      found.text = std::max(found.text, quality);
  } else if (same_word(type, "*/*") || same_word(type, "text/*")) {
    found.anything = std::max(found.anything, quality);
  }
}

} // namespace

std::string_view content_type_of(metrics_format format) noexcept {
  return format == metrics_format::openmetrics_text
             ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
             : "text/plain; version=0.0.4; charset=utf-8";
}

metrics_format metrics_format_for(std::string_view accept) noexcept {
  wishes found;
  while (!accept.empty())
    take_in(take_part(accept, ','), found);
  const int text = found.text >= 0 ? found.text : std::max(found.anything, 0);
  return found.openmetrics > 0 && found.openmetrics >= text ? metrics_format::openmetrics_text
                                                            : metrics_format::prometheus_text;
}

} // namespace httpool
