// What one run of a scenario has: a context for the library, one for its peers, and what became of
// its operations.
#pragma once

#include "torture/faults.hpp"

#include <httpool/client_response.hpp>
#include <httpool/connection_pool.hpp>
#include <httpool/observer.hpp>
#include <httpool/response_stream.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace torture {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using namespace std::chrono_literals;

/// What became of an operation: it ends once, with its handler called, or destroyed if the
/// operation could not be begun.
template <class Result>
struct outcome {
  int calls = 0;
  bool is_begun = false;
  bool is_lost = false; ///< Its handler was destroyed.
  error_code error;
  Result result{};

  bool is_over() const noexcept { return calls != 0 || is_lost; }
  bool is_good() const noexcept { return calls != 0 && !error; }
};

/// The handler that fills an outcome in.
template <class Result>
class reporter {
public:
  explicit reporter(outcome<Result>& to) noexcept : to_(&to) {}
  reporter(reporter&& other) noexcept : to_(std::exchange(other.to_, nullptr)) {}
  reporter& operator=(reporter&&) = delete;
  ~reporter() {
    if (to_)
      to_->is_lost = true;
  }

  template <class... Results>
  void operator()(error_code ec, Results... results) {
    outcome<Result>& to = *std::exchange(to_, nullptr);
    ++to.calls;
    to.error = ec;
    if constexpr (sizeof...(Results) == 1)
      to.result = Result(std::move(results)...);
  }

private:
  outcome<Result>* to_;
};

struct nothing {};
using acquired = outcome<httpool::lease>;
using answered = outcome<httpool::client_response>;
using opened = outcome<httpool::response_stream>;
using was_read = outcome<std::size_t>;
using drained = outcome<nothing>;

class bench {
public:
  bench() = default;
  bench(const bench&) = delete;
  bench& operator=(const bench&) = delete;

  asio::io_context& own() noexcept { return *own_; }
  asio::io_context& peers() noexcept { return peers_; }

  /// Makes the context of the library, which is exposed to the fault; again without, if that fails.
  void make_context();

  /// Does it exposed to the fault; false if it threw what a lack of memory or descriptors throws.
  template <class Action>
  bool attempt(Action action);

  /// Begins an operation with what cancellation strikes, exposed. One that could not be begun is
  /// lost, and nobody else's.
  template <class Result, class Start>
  void start(outcome<Result>& of, Start begin);

  /// Turns both contexts until the condition holds: while the fault lasts, and if that may last for
  /// ever, then without it. False, and a complaint, if it does not come to hold.
  template <class Condition>
  bool until(Condition condition, const char* what);

  template <class Result>
  void await(const outcome<Result>& of, const char* what) {
    until([&] { return of.is_over(); }, what);
  }

  /// The fault is over.
  void calm() noexcept { disarm(); }

  void check(bool holds, const char* what);
  void complain(std::string what);

  /// No error, or one that the fault explains.
  void check_error(const error_code& ec, const char* what);

  /// It ended once, as it should have.
  template <class Result>
  void check_end(const outcome<Result>& of, const char* what);

  /// What there is of the pool is counted, and the pool works; then it closes, and nothing is left.
  void finish(const std::shared_ptr<httpool::detail::pool_core>& pool);

  /// The library's context runs out of work, and goes.
  void end_context();

  /// What posts a handler to a strand cannot be reserved: Asio takes memory from elsewhere.
  void tolerate_lost_handlers() noexcept { tolerates_loss_ = true; }

  const std::vector<std::string>& complaints() const noexcept { return complaints_; }

  /// Exceptions that came out of the context, each a lack of memory in Asio's own steps.
  std::uint64_t escaped() const noexcept { return escaped_; }

  /// An observer each method of which is a hook.
  static std::shared_ptr<httpool::pool_observer> observer();

private:
  using clock = std::chrono::steady_clock;

  bool turn();
  bool turn_until(bool (*holds)(void*), void* condition, clock::duration patience);

  asio::io_context peers_{1};
  std::optional<asio::io_context> own_;
  std::array<asio::cancellation_signal, 8> signals_;
  std::size_t signals_used_ = 0;
  std::vector<std::string> complaints_;
  std::uint64_t escaped_ = 0;
  bool tolerates_loss_ = false;
};

/// Its fault was armed with the bench; hooks are exposed all the time in which the library runs.
template <class Action>
bool bench::attempt(Action action) {
  const exposure exposed;
  try {
    action();
    return true;
  } catch (const std::bad_alloc&) {
  } catch (const boost::system::system_error& e) {
    const exposure spared(false);
    check_error(e.code(), "what was thrown");
  }
  return false;
}

template <class Result, class Start>
void bench::start(outcome<Result>& of, Start begin) {
  asio::cancellation_signal& signal = signals_.at(signals_used_++);
  of.is_begun =
      attempt([&] { begin(asio::bind_cancellation_slot(signal.slot(), reporter<Result>(of))); });
}

template <class Condition>
bool bench::until(Condition condition, const char* what) {
  const auto holds = [](void* c) { return (*static_cast<Condition*>(c))(); };
  const bool is_for_good = armed().kind == fault_kind::famine || armed().kind == fault_kind::dearth;
  if (is_for_good) {
    if (turn_until(holds, &condition, 40ms))
      return true;
    calm();
  }
  if (turn_until(holds, &condition, 4s))
    return true;
  complain(std::string("never: ").append(what));
  return false;
}

template <class Result>
void bench::check_end(const outcome<Result>& of, const char* what) {
  const exposure spared(false);
  if (of.calls > 1)
    complain(std::string("ended more than once: ").append(what));
  if (of.calls == 0 && of.is_begun && !tolerates_loss_)
    complain(std::string("its handler was lost: ").append(what));
  if (of.calls == 1)
    check_error(of.error, what);
}

} // namespace torture
