/// \file
/// Operations that wait inside the compiled library, with the completion handler behind a virtual
/// base: the only templates on the way from a completion token to the pool.
#pragma once

#include <httpool/detail/export.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/execution/allocator.hpp>
#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/execution/relationship.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/recycling_allocator.hpp>
#include <boost/asio/require.hpp>
#include <boost/system/error_code.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

namespace httpool::detail {

/// A waiting operation with the completion signature `void(error_code, Results...)`. It ends, and
/// frees itself, by exactly one call of `complete`, `dispatch` or `abandon`.
template <class... Results>
class HTTPOOL_EXPORT operation {
public:
  /// Posts the handler with these results.
  virtual void complete(boost::system::error_code ec, Results... results) = 0;

  /// Calls the handler with these results if this thread runs its context, or else posts it. To be
  /// said by completion handlers alone, and last: never inside the call that begins the operation.
  virtual void dispatch(boost::system::error_code ec, Results... results) = 0;

  /// Destroys the handler without calling it: its execution context is being destroyed.
  virtual void abandon() noexcept = 0;

protected:
  operation() = default;
  operation(const operation&) = delete;
  operation& operator=(const operation&) = delete;
  ~operation() = default;
};

/// What a completion handler is given of a result. A lease overloads it: until then it knows that
/// its caller has not seen it.
template <class Result>
Result&& deliver(Result& result) noexcept {
  return std::move(result);
}

/// The memory of an operation, in which what posts its handler is put when it ends: that needs no
/// more than the operation had. It is allocated and freed with `Allocator`.
template <class Operation, class Allocator>
class operation_room {
  static constexpr std::size_t size =
      std::max(sizeof(Operation), sizeof(typename Operation::posted));
  static constexpr std::size_t alignment = std::max(
      {alignof(std::max_align_t), alignof(Operation), alignof(typename Operation::posted)});

  struct block {
    alignas(alignment) std::byte bytes[size];
  };
  using block_allocator = typename std::allocator_traits<Allocator>::template rebind_alloc<block>;
  using traits = std::allocator_traits<block_allocator>;

public:
  static void* allocate(const Allocator& memory) {
    block_allocator blocks(memory);
    return traits::allocate(blocks, 1);
  }

  static void deallocate(const Allocator& memory, void* room) noexcept {
    block_allocator blocks(memory);
    traits::deallocate(blocks, static_cast<block*>(room), 1);
  }

  /// Gives the room, once, to whoever allocates no more than that, and takes it back. Who wants
  /// more, of which no version of Asio is known, gets it from `Allocator`.
  template <class T>
  class allocator {
  public:
    using value_type = T;

    allocator(const Allocator& memory, void* room) noexcept : memory_(memory), room_(room) {}
    template <class U>
    allocator(const allocator<U>& other) noexcept : memory_(other.memory_), room_(other.room_) {}

    T* allocate(std::size_t count) {
      if (fits(count))
        return static_cast<T*>(room_);
      operation_room::deallocate(memory_, room_);
      return rebound(memory_).allocate(count);
    }

    void deallocate(T* memory, std::size_t count) noexcept {
      if (fits(count))
        operation_room::deallocate(memory_, room_);
      else
        rebound(memory_).deallocate(memory, count);
    }

    template <class U>
    bool operator==(const allocator<U>& other) const noexcept {
      return room_ == other.room_;
    }

  private:
    template <class U>
    friend class allocator;
    using rebound = typename std::allocator_traits<Allocator>::template rebind_alloc<T>;

    static constexpr bool fits(std::size_t count) noexcept {
      return count <= size / sizeof(T) && alignof(T) <= alignment;
    }

    [[no_unique_address]] Allocator memory_;
    void* room_;
  };
};

/// The operation `Base`, derived from `operation<Results...>`, with the handler that it completes.
/// It is allocated with the handler's allocator and keeps the handler's executor busy.
///
/// What posts the handler to an `io_context` takes the memory of the operation, so that this cannot
/// fail. Other executors, such as strands, allocate then.
template <class Base, class Handler, class... Results>
class handler_operation final : public Base {
public:
  template <class... Arguments>
  static Base* create(Handler handler, const boost::asio::any_io_executor& fallback,
                      Arguments&&... arguments) {
    const memory from = allocator_of(handler);
    void* const place = room::allocate(from);
    try {
      return ::new (place)
          handler_operation(std::move(handler), fallback, std::forward<Arguments>(arguments)...);
    } catch (...) {
      room::deallocate(from, place);
      throw;
    }
  }

  void complete(boost::system::error_code ec, Results... results) override {
    const auto executor = std::move(executor_);
    completion call{std::move(handler_), ec, std::tuple<Results...>(std::move(results)...)};
    const memory from = allocator_of(call.handler);
    this->~handler_operation();
    if (const auto* const of_context = io_context_in(executor)) {
      post(*of_context, std::move(call), typename room::template allocator<void>(from, this));
    } else {
      room::deallocate(from, this);
      post(executor, std::move(call), from);
    }
  }

  void dispatch(boost::system::error_code ec, Results... results) override {
    const auto* const of_context = io_context_in(executor_);
    if (!of_context || !of_context->running_in_this_thread() ||
        boost::asio::query(*of_context, boost::asio::execution::blocking) ==
            boost::asio::execution::blocking.never)
      return complete(ec, std::move(results)...);
    [[maybe_unused]] const auto executor = std::move(executor_); // has work until the handler ends
    completion call{std::move(handler_), ec, std::tuple<Results...>(std::move(results)...)};
    const memory from = allocator_of(call.handler);
    this->~handler_operation();
    room::deallocate(from, this);
    call();
  }

  void abandon() noexcept override {
    const Handler handler(std::move(handler_));
    [[maybe_unused]] const auto executor = std::move(executor_);
    this->~handler_operation();
    room::deallocate(allocator_of(handler), this);
  }

private:
  static auto allocator_of(const Handler& handler) noexcept {
    // Recycled memory is aligned for ordinary objects alone.
    using fallback =
        std::conditional_t<(alignof(Handler) > alignof(std::max_align_t)), std::allocator<void>,
                           boost::asio::recycling_allocator<void>>;
    return boost::asio::get_associated_allocator(handler, fallback());
  }

  using memory = std::decay_t<decltype(allocator_of(std::declval<const Handler&>()))>;
  template <class Executor>
  using tracked = std::decay_t<decltype(boost::asio::prefer(
      std::declval<Executor>(), boost::asio::execution::outstanding_work.tracked))>;
  using tracked_executor =
      tracked<boost::asio::associated_executor_t<Handler, boost::asio::any_io_executor>>;
  using tracked_context = tracked<boost::asio::io_context::executor_type>;

  struct completion {
    Handler handler;
    boost::system::error_code ec;
    std::tuple<Results...> results;

    void operator()() {
      std::apply([this](Results&... result) { std::move(handler)(ec, deliver(result)...); },
                 results);
    }
  };

  /// No smaller than what a context keeps of a posted function.
  struct posted { // NOLINT(cppcoreguidelines-pro-type-member-init): it is never made, only measured
    completion call;
    memory from;
    void* rest[8];
  };
  friend class operation_room<handler_operation, memory>;
  using room = operation_room<handler_operation, memory>;

  /// The executor of an `io_context` that this is, or holds.
  static const tracked_context* io_context_in(const tracked_executor& executor) noexcept {
    if constexpr (std::is_same_v<tracked_executor, tracked_context>)
      return &executor;
    else if constexpr (std::is_same_v<tracked_executor, boost::asio::any_io_executor>)
      return executor.template target<tracked_context>();
    else
      return nullptr;
  }

  template <class Executor, class Allocator>
  static void post(const Executor& to, completion&& call, const Allocator& from) {
    namespace execution = boost::asio::execution;
    boost::asio::prefer(boost::asio::require(to, execution::blocking.never),
                        execution::relationship.fork, execution::allocator(from))
        .execute(std::move(call));
  }

  template <class... Arguments>
  handler_operation(Handler&& handler, const boost::asio::any_io_executor& fallback,
                    Arguments&&... arguments)
      : Base(std::forward<Arguments>(arguments)...),
        handler_(std::move(handler)),
        executor_(boost::asio::prefer(boost::asio::get_associated_executor(handler_, fallback),
                                      boost::asio::execution::outstanding_work.tracked)) {}

  ~handler_operation() = default;

  Handler handler_;
  tracked_executor executor_;
};

} // namespace httpool::detail
