#include "dial/endpoint_memory.hpp"

#include <algorithm>

namespace httpool::detail {
namespace {

using boost::asio::ip::tcp;

bool has_faded(time_point at, time_point now) noexcept {
  return now - at >= endpoint_memory::fades_after;
}

bool contains(const std::vector<tcp::endpoint>& endpoints, const tcp::endpoint& endpoint) {
  return std::find(endpoints.begin(), endpoints.end(), endpoint) != endpoints.end();
}

} // namespace

endpoint_memory::endpoint_memory() {
  failures_.reserve(most_failures); // to fail needs no memory
}

void endpoint_memory::failed(const tcp::endpoint& endpoint, time_point now) noexcept {
  const std::lock_guard lock(mutex_);
  if (success_ && success_->endpoint == endpoint)
    success_.reset();
  auto known = find(endpoint);
  if (known == failures_.end() && failures_.size() == most_failures)
    known = std::min_element(failures_.begin(), failures_.end(),
                             [](const event& a, const event& b) { return a.at < b.at; });
  if (known == failures_.end())
    failures_.push_back({endpoint, now});
  else
    *known = {endpoint, now};
}

void endpoint_memory::worked(const tcp::endpoint& endpoint, time_point tried_at) noexcept {
  const std::lock_guard lock(mutex_);
  const auto known = find(endpoint);
  if (known != failures_.end()) {
    if (known->at > tried_at)
      return;
    failures_.erase(known);
  }
  // Not prolonged by each success: it would keep traffic from those before it for ever.
  if (!success_ || success_->endpoint != endpoint || has_faded(success_->at, tried_at))
    success_ = {endpoint, tried_at};
}

std::vector<tcp::endpoint> endpoint_memory::order(std::vector<tcp::endpoint> endpoints,
                                                  time_point now) {
  const std::lock_guard lock(mutex_);
  std::erase_if(failures_, [&](const event& e) {
    return has_faded(e.at, now) || !contains(endpoints, e.endpoint);
  });
  if (success_ && !contains(endpoints, success_->endpoint))
    success_.reset();
  if (failures_.empty())
    return endpoints;
  std::stable_partition(endpoints.begin(), endpoints.end(),
                        [&](const tcp::endpoint& e) { return find(e) == failures_.end(); });
  if (success_ && !has_faded(success_->at, now)) {
    const auto best = std::find(endpoints.begin(), endpoints.end(), success_->endpoint);
    std::rotate(endpoints.begin(), best, best + 1);
  }
  return endpoints;
}

std::vector<endpoint_memory::event>::iterator
endpoint_memory::find(const tcp::endpoint& endpoint) noexcept {
  return std::find_if(failures_.begin(), failures_.end(),
                      [&](const event& e) { return e.endpoint == endpoint; });
}

} // namespace httpool::detail
