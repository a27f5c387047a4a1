#include "service_a_output.hpp"

#include "service_a_options.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cerrno>
#include <cstring>
#include <iostream>
#include <stdexcept>
#include <utility>

namespace service_a {

namespace asio = boost::asio;

body_output::body_output(asio::any_io_executor executor, const std::string& name)
    : executor_(std::move(executor)),
      name_(name == "-" ? "standard output" : name),
      out_(name == "-" ? std::cout : file_) {
  if (name == "-")
    return;
  file_.open(name, std::ios::binary | std::ios::trunc);
  if (!file_)
    throw usage_error("--output is \"" + name +
                      "\", which cannot be written: " + std::strerror(errno));
}

asio::awaitable<void> body_output::turn_of(std::size_t id) {
  if (turn_ == id)
    co_return;
  asio::steady_timer& called =
      waiting_.try_emplace(id, executor_, asio::steady_timer::time_point::max()).first->second;
  co_await called.async_wait(asio::as_tuple(asio::use_awaitable));
  waiting_.erase(id);
}

void body_output::write(std::string_view piece) {
  if (!out_.write(piece.data(), static_cast<std::streamsize>(piece.size())))
    throw std::runtime_error("cannot write to " + name_);
}

void body_output::ended(std::size_t id) {
  ended_.insert(id);
  while (!ended_.empty() && *ended_.begin() == turn_) {
    ended_.erase(ended_.begin());
    ++turn_;
  }
  if (const auto next = waiting_.find(turn_); next != waiting_.end())
    next->second.cancel();
}

void body_output::flush() {
  if (!out_.flush())
    throw std::runtime_error("cannot write to " + name_);
}

} // namespace service_a
