#include "server/core.hpp"

#include <httpool/server.hpp>

namespace httpool {

namespace detail {

initiate_stop::executor_type initiate_stop::get_executor() const noexcept {
  return core_->executor();
}

void initiate_stop::start(stop_operation& operation) const {
  core_->stop(operation);
}

} // namespace detail

server::server(executor_type executor, const boost::asio::ip::tcp::endpoint& at,
               server_handler handler, server_options options)
    : server(std::make_shared<detail::server_core>(
          std::move(executor), at, std::move(handler), options,
          std::make_shared<detail::quota>(options.max_connections))) {}

server::server(std::shared_ptr<detail::server_core> core) : core_(std::move(core)) {
  core_->start();
}

server::~server() {
  core_->close();
}

server::executor_type server::get_executor() const {
  return core_->executor();
}

boost::asio::ip::tcp::endpoint server::local_endpoint() const {
  return core_->local_endpoint();
}

server_stats server::stats() const {
  return core_->stats();
}

void server::close_connection(std::uint64_t id) {
  core_->close_connection(id);
}

void server::close() {
  core_->close();
}

} // namespace httpool
