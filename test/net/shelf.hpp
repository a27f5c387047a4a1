// An executor whose functions a test holds back, to run them when and in which order it likes.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace net_test {

namespace asio = boost::asio;

/// What was given to an executor that runs nothing until it is told to.
class shelf {
public:
  bool keeps = false;

  bool is_empty() const { return entries_.empty(); }

  template <class Function>
  void put(Function&& function) {
    struct entry : base {
      explicit entry(Function&& f) : function(std::move(f)) {}
      void run() override { std::move(function)(); }
      std::decay_t<Function> function;
    };
    entries_.push_back(std::make_unique<entry>(std::forward<Function>(function)));
  }

  /// The last first.
  void run() {
    while (!entries_.empty()) {
      const auto next = std::move(entries_.back());
      entries_.pop_back();
      next->run();
    }
  }

private:
  struct base {
    virtual ~base() = default;
    virtual void run() = 0;
  };
  std::vector<std::unique_ptr<base>> entries_;
};

/// The executor of a context, which puts things on the shelf as long as that keeps them.
template <class Inner = asio::io_context::executor_type>
class shelving_executor {
public:
  shelving_executor(Inner inner, shelf& on) noexcept : inner_(inner), shelf_(&on) {}

  template <class Property>
  requires asio::can_query_v<Inner, Property>
  decltype(auto) query(const Property& what) const noexcept { return asio::query(inner_, what); }

  template <class Property>
  requires asio::can_require_v<Inner, Property>
  auto require(const Property& what) const {
    return shelving_executor<std::decay_t<decltype(asio::require(inner_, what))>>(
        asio::require(inner_, what), *shelf_);
  }

  template <class Function>
  void execute(Function&& function) const {
    if (shelf_->keeps)
      shelf_->put(std::forward<Function>(function));
    else
      inner_.execute(std::forward<Function>(function));
  }

  friend bool operator==(const shelving_executor&, const shelving_executor&) noexcept = default;

private:
  Inner inner_;
  shelf* shelf_;
};

} // namespace net_test
