#include "tls/session_cache.hpp"

#include <ctime>
#include <utility>

namespace httpool::detail {
namespace {

/// As many as a pool has connections by default. One server must not push out all others.
constexpr std::size_t most_of_a_peer = 64;

/// Servers choose how large their tickets are.
constexpr std::size_t largest_ticket = 8 * 1024;

std::size_t ticket_size(const SSL_SESSION& session) noexcept {
  const unsigned char* ticket = nullptr;
  std::size_t size = 0;
  SSL_SESSION_get0_ticket(&session, &ticket, &size);
  return size;
}

/// No session outlives the certificate that it was begun with: who resumes it is not verified anew.
bool has_expired(SSL_SESSION& session) noexcept {
  const X509* const peer = SSL_SESSION_get0_peer(&session);
  if (peer && X509_cmp_current_time(X509_get0_notAfter(peer)) < 0)
    return true;
  return std::time(nullptr) >= static_cast<std::time_t>(SSL_SESSION_get_time(&session)) +
                                   static_cast<std::time_t>(SSL_SESSION_get_timeout(&session));
}

bool serves_once(const SSL_SESSION& session) noexcept {
  return SSL_SESSION_get_protocol_version(&session) == TLS1_3_VERSION;
}

} // namespace

void session_cache::put(const std::string& peer, owned<SSL_SESSION> session) {
  if (limit_ == 0 || ticket_size(*session) > largest_ticket)
    return;
  list added;
  added.push_back({peer, std::move(session)});
  const std::lock_guard lock(mutex_);
  if (const auto same = by_peer_.find(peer);
      same != by_peer_.end() && same->second.size() == most_of_a_peer) {
    erase(same->second, same->second.begin());
  } else if (by_age_.size() == limit_) {
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
    if (found == by_peer_.end() || found->second.empty()) // for want of memory
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
