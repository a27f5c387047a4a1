// How the targets of the proxies' answers open a tunnel.
#pragma once

#include "fuzz/socket_pair.hpp"

#include <httpool/proxy.hpp>
#include <httpool/stream.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/system/error_code.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace httpool_fuzz {

/// What came of an attempt to open a tunnel.
struct tunnel_outcome {
  boost::system::error_code error;
  std::string asked;  ///< What the proxy was told.
  std::string behind; ///< What was sent and not read.
};

using tunnel_opener = boost::asio::awaitable<void> (*)(httpool::stream&, std::string, std::uint16_t,
                                                       const httpool::proxy&);

/// Opens a tunnel to origin.test:8080 while the proxy says `answer`, in pieces (see `in_pieces`),
/// and then goes.
tunnel_outcome open_tunnel(tunnel_opener open, const httpool::proxy& by, std::string_view answer,
                           std::uint8_t pieces);

} // namespace httpool_fuzz
