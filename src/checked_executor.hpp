// An executor that is none is refused where it is given: it would crash where it is first used.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include <stdexcept>
#include <utility>

namespace httpool::detail {

/// \throws std::invalid_argument if it is empty.
inline boost::asio::any_io_executor checked_executor(boost::asio::any_io_executor executor) {
  if (!executor)
    throw std::invalid_argument("httpool: executor is empty, but must be one that runs handlers");
  return executor;
}

} // namespace httpool::detail
