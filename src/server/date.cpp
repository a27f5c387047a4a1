#include "server/date.hpp"

#include <cstdio>

namespace httpool::detail {

std::string_view date_cache::now() noexcept {
  return at(std::time(nullptr));
}

std::string_view date_cache::at(std::time_t seconds) noexcept {
  static constexpr std::size_t size = 29;
  // Not strftime: the names must not follow the user's locale.
  static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (seconds != seconds_) {
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char text[80];
    std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[parts.tm_wday],
                  parts.tm_mday, months[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour,
                  parts.tm_min, parts.tm_sec);
    std::string_view(text, size).copy(text_, size);
    seconds_ = seconds;
  }
  return {text_, size};
}

} // namespace httpool::detail
