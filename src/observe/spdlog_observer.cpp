#include <httpool/spdlog_observer.hpp>

#include <spdlog/logger.h>

#include <stdexcept>

namespace httpool {
namespace {

double milliseconds(std::chrono::nanoseconds length) {
  return std::chrono::duration<double, std::milli>(length).count();
}

spdlog::level::level_enum level_of(close_reason reason) {
  switch (reason) {
  case close_reason::probe_failed:
  case close_reason::peer_spoke:
  case close_reason::cut_off:
    return spdlog::level::warn;
  default:
    return spdlog::level::info;
  }
}

} // namespace

spdlog_observer::spdlog_observer(std::shared_ptr<spdlog::logger> logger, std::string name)
    : logger_(std::move(logger)), name_(std::move(name)) {
  if (!logger_)
    throw std::invalid_argument("httpool: logger is null, but must not be");
}

void spdlog_observer::connection_made(std::uint64_t id, std::chrono::nanoseconds took) {
  logger_->info("{}: connection {} made in {:.3f} ms", name_, id, milliseconds(took));
}

void spdlog_observer::dial_failed(boost::system::error_code error, std::chrono::nanoseconds took) {
  logger_->warn("{}: dial failed after {:.3f} ms: {}", name_, milliseconds(took), error.message());
}

void spdlog_observer::connection_closed(std::uint64_t id, close_reason reason, std::uint64_t uses) {
  logger_->log(level_of(reason), "{}: connection {} closed after {} uses: {}", name_, id, uses,
               to_string(reason));
}

void spdlog_observer::acquire_granted(std::uint64_t id, std::chrono::nanoseconds wait,
                                      std::uint64_t uses) {
  logger_->debug("{}: connection {} granted after {:.3f} ms, use {}", name_, id, milliseconds(wait),
                 uses);
}

void spdlog_observer::acquire_failed(boost::system::error_code error, std::chrono::nanoseconds wait,
                                     const pool_snapshot& snapshot) {
  logger_->warn(
      "{}: acquire failed after {:.3f} ms: {} (idle {}, leased {}, dialing {}, closing {}, "
      "waiting {}{}{})",
      name_, milliseconds(wait), error.message(), snapshot.idle, snapshot.leased, snapshot.dialing,
      snapshot.closing, snapshot.waiting, snapshot.last_dial_error ? ", last dial: " : "",
      snapshot.last_dial_error ? snapshot.last_dial_error.message() : "");
}

void spdlog_observer::lease_overdue(const overdue_lease& lease) {
  const bool is_clients = lease.where.line() == 0;
  logger_->warn("{}: connection {} has been leased for {:.3f} ms, since {}{}{}{}{}", name_,
                lease.id, milliseconds(lease.held),
                is_clients ? "an exchange began" : lease.where.file_name(), is_clients ? "" : ":",
                is_clients ? "" : std::to_string(lease.where.line()), is_clients ? "" : " in ",
                is_clients ? "" : lease.where.function_name());
}

void spdlog_observer::probed(std::uint64_t id, bool good, std::chrono::nanoseconds took) {
  logger_->log(good ? spdlog::level::debug : spdlog::level::warn,
               "{}: connection {} probed in {:.3f} ms: {}", name_, id, milliseconds(took),
               good ? "good" : "bad");
}

} // namespace httpool
