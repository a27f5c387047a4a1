// What figures look like to people, and how texts get into HTML.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace httpool::detail {

/// A text by its name: what a template is filled with, and what the page's script is told.
using texts = std::vector<std::pair<std::string_view, std::string>>;

/// Such as "0.42 ms", "12 ms", "3.4 s" or "5 min 12 s".
std::string duration_text(std::chrono::nanoseconds time);

/// Such as "12,345".
std::string count_text(std::uint64_t count);

/// Such as "99.2 %".
std::string percent_text(double part);

/// Without what is not UTF-8 and without control characters: each of their bytes becomes U+FFFD.
std::string clean_text(std::string_view text);

/// As the content of an element or the value of an attribute in quotes.
std::string escaped(std::string_view text);

/// A template with `{{name}}` replaced by the escaped text of that name, and `{{{name}}}` by the
/// text as it is. A name that there is no text for is replaced by nothing.
std::string filled(std::string_view form, const texts& with);

} // namespace httpool::detail
