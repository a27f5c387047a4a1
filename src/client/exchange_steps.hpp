// How one step of an exchange leads to the next: templates for the sources of that class.
#pragma once

#include "client/exchange.hpp"
#include "client/reserved_post.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/recycling_allocator.hpp>

#include <memory>
#include <new>
#include <stdexcept>
#include <utility>

namespace httpool::detail {

/// Does it, or ends the exchange for want of memory.
template <class Action>
void exchange::guarded(const owner& self, Action&& action) {
  try {
    action();
  } catch (const std::bad_alloc&) {
    lack_memory(self);
  } catch (const std::length_error&) {
    lack_memory(self);
  }
}

/// Tells the trace, if there is one, and swallows what it throws.
template <class Event>
void exchange::tell(exchange_trace* trace, Event event) noexcept {
  if (!trace)
    return;
  try {
    event(*trace);
  } catch (...) {
    // It is told not to throw; the exchange goes on as if it had not.
  }
}

/// A step that was lost on its way to the strand, and comes by another way.
template <exchange::step Step>
class exchange::recovered {
public:
  explicit recovered(owner self) noexcept : self_(std::move(self)) {}
  recovered(recovered&&) noexcept = default;
  recovered& operator=(recovered&&) = delete;

  /// The context goes, and with it whom the exchange would have told.
  ~recovered() {
    if (self_)
      self_->abandon_reader();
  }

  void operator()() {
    const owner self = std::move(self_);
    guarded(self, [&] { Step(self, boost::asio::error::no_memory, 0); });
  }

private:
  owner self_;
};

/// Where there is neither a strand nor encryption, one operation is pending at a time, and is in
/// the exchange. What encrypts has operations of its own, and may free them after their handler.
template <class T>
class exchange::step_allocator {
public:
  using value_type = T;

  explicit step_allocator(exchange& of) noexcept : exchange_(&of) {}
  template <class U>
  step_allocator(const step_allocator<U>& other) noexcept : exchange_(other.exchange_) {}

  T* allocate(std::size_t count) {
    exchange& x = *exchange_;
    if (x.strand_ || x.is_room_taken_ || count > step_size / sizeof(T) ||
        alignof(T) > alignof(std::max_align_t) || (x.lease_ && x.lease_.stream().is_encrypted()))
      return boost::asio::recycling_allocator<T>().allocate(count);
    x.is_room_taken_ = true;
    return reinterpret_cast<T*>(x.step_room_);
  }

  void deallocate(T* memory, std::size_t count) noexcept {
    if (static_cast<void*>(memory) != exchange_->step_room_)
      return boost::asio::recycling_allocator<T>().deallocate(memory, count);
    exchange_->is_room_taken_ = false;
  }

  template <class U>
  bool operator==(const step_allocator<U>& other) const noexcept {
    return exchange_ == other.exchange_;
  }

private:
  template <class U>
  friend class step_allocator;

  exchange* exchange_; ///< Which the handler shares.
};

/// The completion handler that goes on with a step, once, in any case. Asio brings it to the strand
/// by memory that may lack, and destroys it then: what is waited for has ended with `no_memory`.
template <exchange::step Step>
class exchange::then {
public:
  using allocator_type = step_allocator<void>;

  allocator_type get_allocator() const noexcept { return allocator_type(*self_); }

  explicit then(owner self) noexcept : self_(std::move(self)) {}
  then(then&&) noexcept = default;
  then& operator=(then&&) = delete;

  ~then() {
    if (self_ && self_->strand_)
      recover();
  }

  void operator()(error_code ec = {}, std::size_t size = 0) {
    const owner self = std::move(self_);
    self->is_stepping_ = true;
    guarded(self, [&] { Step(self, ec, size); });
  }

  void operator()(const std::exception_ptr& failure, std::size_t size) {
    (*this)(failure ? code_of(failure) : error_code(), size);
  }

private:
  void recover() noexcept try {
    const owner self = std::move(self_);
    post_reserved(*self->strand_, self->reserve_, recovered<Step>(self));
  } catch (...) {
    // An executor of another kind has no memory either.
  }

  owner self_;
};

/// Starts an operation that goes on with a step, which is marked as pending.
template <exchange::step Step, class Start>
void exchange::launch(const owner& self, bool& pending, Start start) {
  pending = true;
  try {
    if (self->strand_)
      start(boost::asio::bind_executor(*self->strand_, then<Step>(self)));
    else
      start(then<Step>(self));
  } catch (...) {
    if (self->strand_)
      return; // the handler was destroyed, so that the step comes
    pending = false;
    throw;
  }
}

/// Goes on with a step where the exchange's steps are done.
template <exchange::step Step>
void exchange::go_on(const owner& self) {
  if (!self->strand_)
    return Step(self, error_code(), 0);
  try {
    boost::asio::dispatch(*self->strand_, then<Step>(self));
  } catch (...) {
    // The handler was destroyed, so that the step comes; or it was done at once, and whom it was to
    // tell could not be told.
  }
}

} // namespace httpool::detail
