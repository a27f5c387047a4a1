#include "client/exchange.hpp"

#include <httpool/response_stream.hpp>

#include <utility>

namespace httpool {

response_stream::response_stream() noexcept = default;

response_stream::response_stream(std::shared_ptr<detail::exchange> running) noexcept
    : exchange_(std::move(running)) {}

response_stream::response_stream(response_stream&& other) noexcept = default;

response_stream& response_stream::operator=(response_stream&& other) noexcept {
  if (this != &other) {
    if (exchange_)
      detail::exchange::drop(std::move(exchange_));
    exchange_ = std::move(other.exchange_);
  }
  return *this;
}

response_stream::~response_stream() {
  if (exchange_)
    detail::exchange::drop(std::move(exchange_));
}

const client_response& response_stream::head() const noexcept {
  return exchange_->response();
}

response_stream::executor_type response_stream::get_executor() const noexcept {
  return exchange_->executor();
}

lease response_stream::upgraded() noexcept {
  return exchange_->take_upgraded();
}

namespace detail {

const boost::asio::any_io_executor& executor_of(const exchange& core) noexcept {
  return core.executor();
}

void give_ticket(exchange& core, read_operation& operation) {
  core.give_ticket(operation);
}

void start_read(std::shared_ptr<exchange> core, read_operation& operation,
                boost::asio::mutable_buffer buffer) {
  exchange::read_some(core, operation, buffer);
}

void cancel_read::operator()(boost::asio::cancellation_type type) const {
  const auto core = exchange_.lock();
  if (core && type != boost::asio::cancellation_type::none)
    core->cancel_read(operation_);
}

} // namespace detail

} // namespace httpool
