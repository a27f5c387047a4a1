#include "tls/session_cache.hpp"

#include <ctime>
#include <utility>

namespace httpool::detail {
namespace {

bool has_expired(const SSL_SESSION& session) noexcept {
  return std::time(nullptr) >= static_cast<std::time_t>(SSL_SESSION_get_time(&session)) +
                                   static_cast<std::time_t>(SSL_SESSION_get_timeout(&session));
}

bool serves_once(const SSL_SESSION& session) noexcept {
  return SSL_SESSION_get_protocol_version(&session) == TLS1_3_VERSION;
}

} // namespace

void session_cache::put(const std::string& peer, owned<SSL_SESSION> session) {
  if (limit_ == 0)
    return;
  list added;
  added.push_back({peer, std::move(session)});
  const std::lock_guard lock(mutex_);
  if (by_age_.size() == limit_) {
    auto& of_oldest = by_peer_[by_age_.front().peer];
    erase(of_oldest, of_oldest.begin());
  }
  by_peer_[peer].push_back(added.begin());
  by_age_.splice(by_age_.end(), added);
}

owned<SSL_SESSION> session_cache::take(const std::string& peer) {
  const std::lock_guard lock(mutex_);
  for (;;) {
    const auto found = by_peer_.find(peer);
    if (found == by_peer_.end())
      return nullptr;
    owned<SSL_SESSION>& newest = found->second.back()->session;
    if (!has_expired(*newest) && !serves_once(*newest)) {
      SSL_SESSION_up_ref(newest.get());
      return owned<SSL_SESSION>(newest.get());
    }
    owned<SSL_SESSION> taken = std::move(newest);
    erase(found->second, found->second.end() - 1);
    if (!has_expired(*taken))
      return taken;
  }
}

std::size_t session_cache::size() const {
  const std::lock_guard lock(mutex_);
  return by_age_.size();
}

/// Under the lock: forgets a session, and its peer if it was the last.
void session_cache::erase(std::vector<list::iterator>& of_peer,
                          std::vector<list::iterator>::iterator which) {
  const list::iterator gone = *which;
  of_peer.erase(which);
  if (of_peer.empty())
    by_peer_.erase(gone->peer);
  by_age_.erase(gone);
}

} // namespace httpool::detail
