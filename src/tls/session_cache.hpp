// The sessions of a client that may be resumed.
#pragma once

#include "tls/openssl.hpp"

#include <cstddef>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace httpool::detail {

/// Thread-safe.
class session_cache {
public:
  explicit session_cache(std::size_t limit) noexcept : limit_(limit) {}

  /// Keeps a session with `peer`, unless its ticket is huge; the oldest goes for it: that of `peer`
  /// if it has many, otherwise that of anybody, if there is no room.
  void put(const std::string& peer, owned<SSL_SESSION> session);

  /// The newest session with `peer` that has not expired, nor has the certificate of `peer`; null
  /// if there is none. One of TLS 1.3 is not given twice, since who sees both would know that they
  /// belong together (RFC 8446 §C.4).
  owned<SSL_SESSION> take(const std::string& peer);

  std::size_t size() const;

private:
  struct entry {
    std::string peer;
    owned<SSL_SESSION> session;
  };
  using list = std::list<entry>;

  void erase(std::vector<list::iterator>& of_peer, std::vector<list::iterator>::iterator which);

  const std::size_t limit_;
  mutable std::mutex mutex_; ///< Guards all that follows.
  list by_age_;              ///< The oldest first,
  std::unordered_map<std::string, std::vector<list::iterator>> by_peer_; ///< here, too.
};

} // namespace httpool::detail
