#include "pool/core.hpp"

#include <httpool/lease.hpp>

#include <stdexcept>
#include <utility>

namespace httpool {

lease::lease(std::shared_ptr<detail::pool_core> core, detail::connection& connection,
             bool delivered) noexcept
    : core_(std::move(core)), connection_(&connection), delivered_(delivered) {}

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
  return core_->executor();
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
  core_->limit_uses(*connection_, more);
}

void lease::expires_at(std::chrono::steady_clock::time_point deadline) noexcept {
  core_->set_lease_deadline(*connection_, deadline);
}

void lease::expires_after(std::chrono::steady_clock::duration length) noexcept {
  expires_at(detail::saturating_add(std::chrono::steady_clock::now(), length));
}

void lease::cut_off() noexcept {
  core_->cut_off(*connection_);
}

void lease::avoid_endpoint() noexcept {
  core_->avoid_endpoint(*connection_);
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
  const auto core = std::move(core_);
  return core->detach(*std::exchange(connection_, nullptr));
}

void lease::end() noexcept {
  const auto core = std::move(core_);
  detail::connection& connection = *std::exchange(connection_, nullptr);
  if (delivered_)
    core->end_lease(connection, std::exchange(keep_alive_, false));
  else
    core->undelivered(connection);
}

} // namespace httpool
