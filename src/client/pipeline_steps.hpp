// How one step of a pipeline leads to the next: templates for the sources of that class.
#pragma once

#include "client/pipeline.hpp"
#include "client/pipelines.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>

#include <utility>

namespace httpool::detail {

/// The completion handler that goes on with a step.
template <void (*Step)(const pipeline::owner&, pipeline::error_code, std::size_t),
          step_room pipeline::*Room>
struct pipeline::step {
  using allocator_type = step_room::allocator<void>;

  owner self;

  allocator_type get_allocator() const noexcept { return allocator_type((*self).*Room); }

  void operator()(error_code ec = {}, std::size_t size = 0) {
    const owner own = std::move(self);
    Step(own, ec, size);
  }
};

/// Starts an operation on the socket, whose handler runs on the context, though the client's
/// executor may be a strand: to come there it would need memory.
template <class Step, class Start>
void pipeline::launch(Step next, Start start) {
  using plain = boost::asio::io_context::executor_type;
  const plain* const context = shared().beneath().target<plain>();
  if (context && !client_->context)
    start(boost::asio::bind_executor(*context, std::move(next)));
  else
    start(std::move(next));
}

} // namespace httpool::detail
