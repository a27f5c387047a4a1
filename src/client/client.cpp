#include "client/client_core.hpp"
#include "client/exchange.hpp"
#include "http1/authority.hpp"

#include <httpool/client.hpp>

#include <stdexcept>

namespace httpool {
namespace {

/// The value of the `Host` field: the port is left out where it is the default (RFC 9110 §7.2).
std::string host_field(const std::string& host, std::uint16_t port) {
  const bool lacks_brackets = host.find(':') != std::string::npos && !host.starts_with('[');
  std::string value = lacks_brackets ? '[' + host + ']' : host;
  // The zone of a link-local address means something on this machine alone.
  if (const std::size_t zone = value.find('%'); value.starts_with('[') && zone != value.npos)
    value.erase(zone, value.find(']', zone) - zone);
  if (port != 80)
    value += ':' + std::to_string(port);
  if (host.empty() || !http1::is_host(value))
    throw std::invalid_argument("httpool: host is \"" + host +
                                "\", but must be a name or an IP literal");
  return value;
}

/// The parser counts in 32 bits.
constexpr std::size_t most_head_bytes = std::size_t{1} << 31;

client_options checked(client_options options) {
  const auto refuse = [](const char* field, auto value) {
    throw std::invalid_argument(std::string("httpool: ") + field + " is " + std::to_string(value) +
                                ", but must be above zero");
  };
  constexpr std::chrono::nanoseconds zero{0};
  if (options.exchange_timeout <= zero)
    refuse("exchange_timeout", options.exchange_timeout.count());
  if (options.first_byte_timeout <= zero)
    refuse("first_byte_timeout", options.first_byte_timeout.count());
  if (options.read_timeout <= zero)
    refuse("read_timeout", options.read_timeout.count());
  if (options.continue_timeout < zero)
    throw std::invalid_argument("httpool: continue_timeout is " +
                                std::to_string(options.continue_timeout.count()) +
                                ", but must not be negative");
  if (options.max_head_bytes == 0)
    refuse("max_head_bytes", options.max_head_bytes);
  if (options.max_head_bytes > most_head_bytes)
    throw std::invalid_argument("httpool: max_head_bytes is " +
                                std::to_string(options.max_head_bytes) + ", but must be at most " +
                                std::to_string(most_head_bytes));
  if (options.max_fields == 0)
    refuse("max_fields", options.max_fields);
  return options;
}

} // namespace

client::client(executor_type executor, std::string host, std::uint16_t port, client_options options)
    : core_(std::make_shared<detail::client_core>(std::move(executor), host, port,
                                                  std::move(options))) {}

client::~client() {
  core_->pool.close();
}

client::executor_type client::get_executor() const noexcept {
  return core_->pool.get_executor();
}

connection_pool& client::pool() noexcept {
  return core_->pool;
}

namespace detail {

client_core::client_core(boost::asio::any_io_executor executor, const std::string& name,
                         std::uint16_t port, client_options given)
    : pool(std::move(executor), name, port, given.pool),
      connections(core_of(pool)),
      options(checked(std::move(given))),
      host(host_field(name, port)) {}

void client_core::cancel(ticket wanted) {
  ticket waiting;
  {
    const std::lock_guard lock(mutex);
    if (call_operation* operation = calls.find(wanted)) {
      operation->is_cancelled = true;
      if (operation->run)
        waiting = operation->run->cancel();
    }
  }
  if (waiting)
    connections->cancel_acquire(waiting);
}

const boost::asio::any_io_executor& executor_of(const client_core& core) noexcept {
  return core.connections->executor();
}

void give_ticket(client_core& core, call_operation& operation) {
  const std::lock_guard lock(core.mutex);
  core.calls.add(operation);
}

void start_call(client_core& core, send_operation& operation, request message, body_source body,
                send_options options) {
  exchange::start(core.shared_from_this(), operation, std::move(message), std::move(body),
                  options);
}

void start_call(client_core& core, open_operation& operation, request message, body_source body,
                send_options options) {
  exchange::start(core.shared_from_this(), operation, std::move(message), std::move(body),
                  options);
}

void cancel_call::operator()(boost::asio::cancellation_type type) const {
  const auto core = core_.lock();
  if (core && type != boost::asio::cancellation_type::none)
    core->cancel(operation_);
}

} // namespace detail

} // namespace httpool
