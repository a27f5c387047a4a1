#include "pool/coarse_clock.hpp"
#include "pool/core.hpp"

#include <httpool/connection_pool.hpp>

namespace httpool {

connection_pool::connection_pool(executor_type executor, std::string host, std::uint16_t port,
                                 pool_options options)
    : core_(detail::pool_core::create(std::move(executor),
                                      detail::dialer::host_and_port{std::move(host), port},
                                      std::move(options))) {}

connection_pool::connection_pool(executor_type executor,
                                 const boost::asio::ip::tcp::endpoint& endpoint,
                                 pool_options options)
    : core_(detail::pool_core::create(std::move(executor), endpoint, std::move(options))) {}

template <std::same_as<boost::asio::local::stream_protocol::endpoint> Endpoint>
connection_pool::connection_pool(executor_type executor, const Endpoint& endpoint,
                                 pool_options options)
    : core_(detail::pool_core::create(
          std::move(executor), detail::dialer::unix_path{endpoint.path()}, std::move(options))) {}

template connection_pool::connection_pool(executor_type,
                                          const boost::asio::local::stream_protocol::endpoint&,
                                          pool_options);

connection_pool::connection_pool(std::shared_ptr<detail::pool_core> core) noexcept
    : core_(std::move(core)) {}

connection_pool::~connection_pool() {
  core_->close();
}

connection_pool::executor_type connection_pool::get_executor() const noexcept {
  return core_->executor();
}

lease connection_pool::try_acquire(std::source_location where) {
  return try_acquire(std::chrono::nanoseconds::max(), where);
}

lease connection_pool::try_acquire(std::chrono::nanoseconds max_idle, std::source_location where) {
  lease result =
      core_->try_acquire(detail::coarse_now(), max_idle, detail::time_point::max(), where);
  if (result)
    detail::pool_core::connection_of(result).began_coarsely = true;
  return result;
}

void connection_pool::close() noexcept {
  core_->close();
}

pool_stats connection_pool::stats() const {
  return core_->stats();
}

std::vector<overdue_lease> connection_pool::overdue_leases() const {
  return core_->overdue_leases();
}

pool_histograms connection_pool::histograms() const {
  return core_->histograms();
}

pool_view connection_pool::view() const {
  return core_->view();
}

void connection_pool::prewarm(std::size_t count) {
  core_->prewarm(count);
}

void connection_pool::set_limits(const pool_limits& limits) {
  core_->set_limits(limits);
}

namespace detail {

const std::shared_ptr<pool_core>& core_of(const connection_pool& pool) noexcept {
  return pool.core_;
}

const boost::asio::any_io_executor& executor_of(const pool_core& core) noexcept {
  return core.executor();
}

pool_view view_of(pool_core& core) {
  return core.view();
}

void give_ticket(pool_core& core, acquire_operation& operation) {
  core.give_ticket(operation);
}

void give_ticket(pool_core& core, drain_operation& operation) {
  core.give_ticket(operation);
}

void start_acquire(pool_core& core, acquire_operation& operation, acquire_options options) {
  core.acquire(operation, options);
}

void start_redial(pool_core& core, acquire_operation& operation, lease dead,
                  acquire_options options) {
  core.redial(operation, std::move(dead), options);
}

void start_drain(pool_core& core, drain_operation& operation, duration timeout) {
  core.drain(operation, timeout);
}

void cancel_acquire::operator()(boost::asio::cancellation_type type) const {
  const auto core = core_.lock();
  if (core && type != boost::asio::cancellation_type::none)
    core->cancel_acquire(operation_);
}

void cancel_drain::operator()(boost::asio::cancellation_type type) const {
  const auto core = core_.lock();
  if (core && type != boost::asio::cancellation_type::none)
    core->cancel_drain(operation_);
}

} // namespace detail

} // namespace httpool
