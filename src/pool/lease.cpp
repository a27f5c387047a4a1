#include "pool/core.hpp"

#include <httpool/lease.hpp>

#include <stdexcept>
#include <utility>

namespace httpool {

boost::asio::ip::tcp::socket& lease::socket() noexcept {
  return connection_->socket;
}

stream& lease::stream() noexcept {
  return connection_->stream;
}

boost::beast::flat_buffer& lease::buffer() noexcept {
  return connection_->buffer;
}

lease::executor_type lease::get_executor() const noexcept {
  return connection_->pool->executor();
}

std::uint64_t lease::id() const noexcept {
  return connection_->id;
}

bool lease::waited() const noexcept {
  return connection_->waited;
}

std::uint64_t lease::uses() const noexcept {
  return connection_->uses;
}

void lease::limit_idle(std::chrono::nanoseconds length) noexcept {
  detail::ledger::limit_idle(*connection_, length);
}

void lease::limit_uses(std::uint64_t more) noexcept {
  connection_->pool->limit_uses(*connection_, more);
}

void lease::expires_at(std::chrono::steady_clock::time_point deadline) noexcept {
  connection_->pool->set_lease_deadline(*connection_, deadline);
}

void lease::expires_after(std::chrono::steady_clock::duration length) noexcept {
  expires_at(detail::saturating_add(std::chrono::steady_clock::now(), length));
}

void lease::cut_off() noexcept {
  connection_->pool->cut_off(*connection_);
}

void lease::avoid_endpoint() noexcept {
  connection_->pool->avoid_endpoint(*connection_);
}

void lease::describe(std::string_view use) noexcept {
  connection_->used_for.say(use);
}

bool lease::late() const noexcept {
  return connection_->late;
}

boost::asio::ip::tcp::socket lease::detach() {
  if (connection_->stream.is_encrypted())
    throw std::logic_error("httpool: an encrypted connection is more than its socket: detach() "
                           "cannot give it away");
  detail::connection& taken = *std::exchange(connection_, nullptr);
  return taken.pool->detach(taken);
}

void lease::end() noexcept {
  detail::connection& ended = *std::exchange(connection_, nullptr);
  if (delivered_)
    ended.pool->end_lease(ended, std::exchange(keep_alive_, false));
  else
    ended.pool->undelivered(ended);
}

} // namespace httpool
