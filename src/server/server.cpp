#include "server/core.hpp"

#include <httpool/server.hpp>

namespace httpool {

namespace detail {

boost::asio::any_io_executor stop_operation::executor_of(server_core& core) {
  return core.executor();
}

boost::asio::steady_timer& stop_operation::begin(server_core& core) {
  return core.begin_stop();
}

boost::system::error_code stop_operation::end(server_core& core) {
  return core.end_stop();
}

} // namespace detail

server::server(executor_type executor, const boost::asio::ip::tcp::endpoint& at,
               server_handler handler, server_options options)
    : server(std::make_shared<detail::server_core>(
          std::move(executor), at, std::move(handler), options,
          std::make_shared<detail::quota>(options.max_connections))) {}

server::server(std::shared_ptr<detail::server_core> core) noexcept : core_(std::move(core)) {
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
