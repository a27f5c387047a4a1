#include "client/client_core.hpp"
#include "client/exchange.hpp"
#include "client/pipelined_call.hpp"

#include <httpool/client.hpp>

#include <stdexcept>

namespace httpool {

client::client(executor_type executor, client_options options)
    : core_(detail::client_core::create(std::move(executor), nullptr, std::move(options))) {}

client::client(executor_type executor, const origin& base, client_options options)
    : core_(detail::client_core::create(std::move(executor), &base, std::move(options))) {}

client::client(executor_type executor, std::string_view host, std::uint16_t port,
               client_options options)
    : client(std::move(executor), origin(host, port), std::move(options)) {}

client::~client() {
  core_->close();
}

client::executor_type client::get_executor() const noexcept {
  return core_->executor;
}

connection_pool& client::pool() {
  if (!core_->base_handle)
    throw std::logic_error("httpool: this client has no origin of its own, so no pool() either");
  return *core_->base_handle;
}

std::vector<origin_stats> client::stats() const {
  return core_->stats();
}

std::vector<origin_histograms> client::histograms() const {
  return core_->histograms();
}

std::vector<origin_view> client::views() const {
  return core_->views();
}

void client::close() noexcept {
  core_->close();
}

namespace detail {

std::vector<origin_view> views_of(client_core& core) {
  return core.views();
}

const std::shared_ptr<client_core>& core_of(const client& one) noexcept {
  return one.core_;
}

const boost::asio::any_io_executor& executor_of(const client_core& core) noexcept {
  return core.executor;
}

void give_ticket(client_core& core, call_operation& operation) {
  const std::lock_guard lock(core.mutex);
  core.calls.add(operation);
}

namespace {

exchange::call call_of(request&& message, body_source&& body) {
  exchange::call what{.own_message = std::move(message)};
  if (body)
    what.body = std::move(body);
  return what;
}

} // namespace

void start_call(const std::shared_ptr<client_core>& core, send_operation& operation,
                request message, body_source body, send_options options) {
  if (core->options.pipeline_depth > 1 && !body &&
      pipelined_call::may_share(*core, message, options))
    return pipelined_call::start(core, operation, std::move(message), options);
  exchange::start(core, operation, call_of(std::move(message), std::move(body)), options);
}

void start_call(const std::shared_ptr<client_core>& core, fill_operation& operation,
                const request& message, client_response& answer, const send_options& options) {
  if (core->options.pipeline_depth > 1 && pipelined_call::may_share(*core, message, options))
    return pipelined_call::start(core, operation, message, answer, options);
  exchange::start(core, operation, {.message = &message, .answer = &answer}, options);
}

void start_call(const std::shared_ptr<client_core>& core, open_operation& operation,
                request message, body_source body, send_options options) {
  exchange::start(core, operation, call_of(std::move(message), std::move(body)), options);
}

void start_drain(const std::shared_ptr<client_core>& core, client_drain_operation& operation,
                 std::chrono::nanoseconds timeout) {
  core->drain(operation, timeout);
}

void cancel_call::operator()(boost::asio::cancellation_type type) const {
  const auto core = core_.lock();
  if (core && type != boost::asio::cancellation_type::none)
    core->cancel(operation_);
}

} // namespace detail

} // namespace httpool
