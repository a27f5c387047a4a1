#include "http1/invalid.hpp"

#include <httpool/error.hpp>

#include <boost/system/system_error.hpp>

namespace httpool::http1 {

void throw_invalid(const char* why) {
  throw boost::system::system_error(make_error_code(error::invalid_request), why);
}

} // namespace httpool::http1
