#include <httpool/version.hpp>

namespace httpool {

std::string_view version() noexcept {
  return HTTPOOL_VERSION_STRING;
}

} // namespace httpool
