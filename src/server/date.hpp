// The Date field (RFC 9110 §5.6.7), written once a second at most.
#pragma once

#include <ctime>
#include <string_view>

namespace httpool::detail {

class date_cache {
public:
  // Now, as `Sun, 06 Nov 1994 08:49:37 GMT`; holds until the next call.
  std::string_view now() noexcept;

  // The same of any time.
  std::string_view at(std::time_t seconds) noexcept;

private:
  std::time_t seconds_ = -1;
  char text_[32] = {};
};

} // namespace httpool::detail
