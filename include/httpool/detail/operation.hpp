/// \file
/// Operations that wait inside the compiled library, with the completion handler behind a virtual
/// base: the only templates on the way from a completion token to the pool.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/execution/allocator.hpp>
#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/execution/relationship.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/recycling_allocator.hpp>
#include <boost/asio/require.hpp>
#include <boost/system/error_code.hpp>

#include <memory>
#include <tuple>
#include <utility>

namespace httpool::detail {

/// A waiting operation with the completion signature `void(error_code, Results...)`. It ends, and
/// frees itself, by exactly one call of `complete` or `abandon`.
template <class... Results>
class operation {
public:
  /// Posts the handler with these results.
  virtual void complete(boost::system::error_code ec, Results... results) = 0;

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

/// The operation `Base`, derived from `operation<Results...>`, with the handler that it completes.
/// It is allocated with the handler's allocator and keeps the handler's executor busy.
template <class Base, class Handler, class... Results>
class handler_operation final : public Base {
public:
  template <class... Arguments>
  static Base* create(Handler handler, const boost::asio::any_io_executor& fallback,
                      Arguments&&... arguments) {
    allocator memory(allocator_of(handler));
    handler_operation* const place = traits::allocate(memory, 1);
    try {
      return ::new (static_cast<void*>(place))
          handler_operation(std::move(handler), fallback, std::forward<Arguments>(arguments)...);
    } catch (...) {
      traits::deallocate(memory, place, 1);
      throw;
    }
  }

  void complete(boost::system::error_code ec, Results... results) override {
    namespace execution = boost::asio::execution;
    auto executor = std::move(executor_);
    completion call{std::move(handler_), ec, std::tuple<Results...>(std::move(results)...)};
    const auto memory = allocator_of(call.handler);
    destroy(memory);
    boost::asio::prefer(boost::asio::require(executor, execution::blocking.never),
                        execution::relationship.fork, execution::allocator(memory))
        .execute(std::move(call));
  }

  void abandon() noexcept override {
    const Handler handler(std::move(handler_));
    [[maybe_unused]] const auto executor = std::move(executor_);
    destroy(allocator_of(handler));
  }

private:
  static auto allocator_of(const Handler& handler) noexcept {
    return boost::asio::get_associated_allocator(handler, boost::asio::recycling_allocator<void>());
  }

  using allocator = typename std::allocator_traits<decltype(allocator_of(
      std::declval<const Handler&>()))>::template rebind_alloc<handler_operation>;
  using traits = std::allocator_traits<allocator>;
  using tracked_executor = std::decay_t<decltype(boost::asio::prefer(
      std::declval<boost::asio::associated_executor_t<Handler, boost::asio::any_io_executor>>(),
      boost::asio::execution::outstanding_work.tracked))>;

  struct completion {
    Handler handler;
    boost::system::error_code ec;
    std::tuple<Results...> results;

    void operator()() {
      std::apply([this](Results&... result) { std::move(handler)(ec, deliver(result)...); },
                 results);
    }
  };

  template <class... Arguments>
  handler_operation(Handler&& handler, const boost::asio::any_io_executor& fallback,
                    Arguments&&... arguments)
      : Base(std::forward<Arguments>(arguments)...),
        handler_(std::move(handler)),
        executor_(boost::asio::prefer(boost::asio::get_associated_executor(handler_, fallback),
                                      boost::asio::execution::outstanding_work.tracked)) {}

  ~handler_operation() = default;

  void destroy(allocator memory) noexcept {
    this->~handler_operation();
    traits::deallocate(memory, this, 1);
  }

  Handler handler_;
  tracked_executor executor_;
};

} // namespace httpool::detail
