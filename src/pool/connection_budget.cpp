#include "pool/budget.hpp"

#include <httpool/connection_budget.hpp>

#include <stdexcept>

namespace httpool {

connection_budget::connection_budget(std::size_t max_connections) {
  if (max_connections == 0)
    throw std::invalid_argument("httpool: connection_budget is 0, but must be at least 1");
  budget_ = std::make_unique<detail::budget>(max_connections);
}

connection_budget::~connection_budget() = default;

std::size_t connection_budget::max_connections() const noexcept {
  return budget_->max_connections();
}

std::size_t connection_budget::in_use() const noexcept {
  return budget_->in_use();
}

detail::budget& budget_of(const connection_budget& budget) noexcept {
  return *budget.budget_;
}

} // namespace httpool
