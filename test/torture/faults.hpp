// What strikes a scenario, and where. Points are counted and struck on a thread while it is
// exposed, so that peers in the same process are spared.
#pragma once

#include <boost/asio/cancellation_type.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace torture {

enum class fault_kind : std::uint8_t {
  none,
  memory,        ///< The n-th allocation fails.
  famine,        ///< The n-th allocation and all after it fail.
  openssl,       ///< The n-th allocation of OpenSSL fails.
  hook,          ///< The n-th call of a user's hook throws.
  descriptor,    ///< The n-th descriptor is not to be had.
  dearth,        ///< The n-th descriptor and all after it are not to be had.
  cancel,        ///< After the n-th step the operation is cancelled: terminal,
  cancel_partly, ///< partial,
  cancel_totally ///< or total.
};

struct fault {
  fault_kind kind = fault_kind::none;
  std::uint64_t nth = 0; ///< Counted from 1.
};

/// How many points there were, by kind of what could have struck there.
struct points {
  std::uint64_t allocations = 0;
  std::uint64_t openssl = 0;
  std::uint64_t hooks = 0;
  std::uint64_t descriptors = 0;
  std::uint64_t steps = 0;
  std::uint64_t exempt = 0; ///< Allocations that are spared since Asio does not survive without.
};

/// Begins to count anew, and strikes with `what`.
void arm(const fault& what);

/// Nothing strikes any more.
void disarm() noexcept;

/// Whether the fault has struck since it was armed.
bool has_struck() noexcept;

const fault& armed() noexcept;

/// What kind of fault it was, when it is over, too.
fault_kind struck_kind() noexcept;
points& counted() noexcept;

/// Whether steps are at the point where cancellation strikes, and by which type.
boost::asio::cancellation_type cancellation_due() noexcept;

/// What the hooks of users throw.
struct hook_failure {};

/// Called first in each hook of a user: throws if it is struck.
void hook();

/// While it lives, the thread is exposed, or spared.
class exposure {
public:
  explicit exposure(bool is_exposed = true) noexcept;
  ~exposure();
  exposure(const exposure&) = delete;
  exposure& operator=(const exposure&) = delete;

private:
  const bool before_;
};

/// While it lives, no allocation of an exposed thread succeeds, whatever the fault is.
class starvation {
public:
  starvation() noexcept;
  ~starvation();
  starvation(const starvation&) = delete;
  starvation& operator=(const starvation&) = delete;
};

/// To be called once, before anything else of OpenSSL.
void hook_openssl();

} // namespace torture
