#include "torture/faults.hpp"

#include "memory/allocator_hooks.hpp"

#include <boost/asio/detail/strand_executor_service.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <utility>

#include <dlfcn.h>
#include <execinfo.h>
#include <openssl/crypto.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace torture {
namespace {

using httpool_test::memory_source;

fault current;
points seen;
bool struck = false;
bool is_starved = false;
fault_kind kind_armed = fault_kind::none;
thread_local bool is_exposed = false;

/// Whether the fault strikes at this point of its kind.
bool strikes_once(fault_kind once, std::uint64_t point) noexcept {
  const bool does = current.kind == once && point == current.nth;
  struck |= does;
  return does;
}

/// The same of two kinds, the second of which strikes from there on.
bool strikes(fault_kind once, fault_kind for_good, std::uint64_t point) noexcept {
  const bool does = strikes_once(once, point) || (current.kind == for_good && point >= current.nth);
  struck |= does;
  return does;
}

/// Asio 1.81 does not survive it if memory lacks while a strand is made: `create_implementation`
/// has an unfinished `strand_impl` destroyed then, whose destructor locks by a pointer that has not
/// been set. It takes three blocks, one right after the other: the strand itself, which may fail,
/// its reference count, and a mutex unless one is shared.
class strand_watch {
public:
  bool is_unsurvivable(std::size_t size, memory_source from) noexcept {
    using strand = boost::asio::detail::strand_executor_service::strand_impl;
    constexpr std::size_t count_size = 24;
    if (from != memory_source::operator_new)
      return false;
    const auto before = stage_;
    stage_ = stage::none;
    if (size == sizeof(strand))
      stage_ = stage::strand;
    else if (before == stage::strand && size == count_size)
      stage_ = stage::count;
    else if (before == stage::count && size == sizeof(boost::asio::detail::mutex))
      return true;
    return stage_ == stage::count;
  }

private:
  enum class stage { none, strand, count };
  stage stage_ = stage::none;
};

bool contains(const char* name, const char* part) noexcept {
  return std::strstr(name, part) != nullptr;
}

/// Nor does Asio 1.81 survive it if memory lacks
/// - when a strand asks its executor for a further turn, which it does in a destructor, by recycled
///   memory;
/// - when a strand is asked from outside to run a user's handler, or a step of an exchange, and
/// asks
///   its executor to be run (what it takes for the function itself is told from that by inlined
///   names alone, so it is spared too): from then on the strand is taken for one that runs, and
///   what waits in it waits for ever. The pool's own strands are not asked from outside;
/// - when a coroutine's handler is destroyed, whose destructor posts the destruction of its frame.
bool is_for_strand_or_frame() noexcept {
  constexpr std::array helpers{"refuse", "aligned_alloc", "aligned_new", "8allocate"};
  std::array<void*, 24> frames{};
  bool is_first = true;
  bool is_strand_asked = false;
  const int depth = ::backtrace(frames.data(), static_cast<int>(frames.size()));
  for (int i = 1; i < depth; ++i) {
    Dl_info about{};
    if (::dladdr(frames[static_cast<std::size_t>(i)], &about) == 0 || !about.dli_sname)
      continue;
    const char* const name = about.dli_sname;
    if (std::any_of(helpers.begin(), helpers.end(),
                    [&](auto each) { return contains(name, each); }))
      continue;
    const bool is_of_strand =
        contains(name, "23strand_executor_service") || contains(name, "6strandI");
    if (std::exchange(is_first, false)) {
      is_strand_asked = is_of_strand && contains(name, "execute");
      if (is_strand_asked && contains(name, "19recycling_allocator"))
        return true;
    }
    if (is_strand_asked && (contains(name, "17handler_operationI") || contains(name, "8exchange")))
      return true;
    // While a failure is unwound it may be inlined where no name tells of it.
    const bool is_destructor =
        contains(name, "D1Ev") || contains(name, "D2Ev") || std::uncaught_exceptions() != 0;
    if (is_destructor &&
        (contains(name, "15on_invoker_exit") || contains(name, "16awaitable_threadI") ||
         contains(name, "17awaitable_handlerI")))
      return true;
  }
  return false;
}

/// Whether the fault would strike at the next allocation.
bool is_threatened() noexcept {
  const std::uint64_t next = seen.allocations + 1;
  return current.kind == fault_kind::none ||
         (current.kind == fault_kind::memory && next == current.nth) ||
         (current.kind == fault_kind::famine && next >= current.nth);
}

bool refuses_memory(std::size_t size, memory_source from) noexcept {
  static thread_local strand_watch strands;
  const bool is_exempt = strands.is_unsurvivable(size, from);
  if (!is_exposed)
    return false;
  if (is_starved)
    return true;
  if (is_exempt ||
      (from == memory_source::aligned_alloc && is_threatened() && is_for_strand_or_frame())) {
    ++seen.exempt;
    return false;
  }
  return strikes(fault_kind::memory, fault_kind::famine, ++seen.allocations);
}

bool refuses_openssl() noexcept {
  return is_exposed && strikes_once(fault_kind::openssl, ++seen.openssl);
}

void* openssl_malloc(std::size_t size, const char*, int) {
  return refuses_openssl() ? nullptr : std::malloc(size);
}

void* openssl_realloc(void* block, std::size_t size, const char*, int) {
  return size != 0 && refuses_openssl() ? nullptr : std::realloc(block, size);
}

void openssl_free(void* block, const char*, int) {
  std::free(block);
}

/// Makes the kernel refuse descriptors: those from 3 on.
class descriptor_limit {
public:
  explicit descriptor_limit(bool is_wanted) noexcept : is_set_(is_wanted) {
    if (!is_set_)
      return;
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit lower = before_;
    lower.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &lower);
  }
  ~descriptor_limit() {
    const int error = errno;
    if (is_set_)
      setrlimit(RLIMIT_NOFILE, &before_);
    errno = error;
  }

private:
  rlimit before_{};
  bool is_set_;
};

} // namespace

/// Makes one descriptor, or is refused it by the kernel.
template <class Make>
int make_descriptor(Make make) {
  const descriptor_limit limit(
      is_exposed && strikes(fault_kind::descriptor, fault_kind::dearth, ++seen.descriptors));
  return static_cast<int>(make());
}

void arm(const fault& what) {
  is_for_strand_or_frame(); // which takes memory the first time
  current = what;
  kind_armed = what.kind;
  seen = points();
  struck = false;
  httpool_test::refuse_memory(refuses_memory);
}

void disarm() noexcept {
  current.kind = fault_kind::none;
}

bool has_struck() noexcept {
  return struck;
}

const fault& armed() noexcept {
  return current;
}

fault_kind struck_kind() noexcept {
  return kind_armed;
}

points& counted() noexcept {
  return seen;
}

boost::asio::cancellation_type cancellation_due() noexcept {
  using type = boost::asio::cancellation_type;
  if (seen.steps != current.nth)
    return type::none;
  switch (current.kind) {
  case fault_kind::cancel:
    return type::terminal;
  case fault_kind::cancel_partly:
    return type::partial;
  case fault_kind::cancel_totally:
    return type::total;
  default:
    return type::none;
  }
}

void hook() {
  if (is_exposed && strikes_once(fault_kind::hook, ++seen.hooks))
    throw hook_failure();
}

exposure::exposure(bool exposed) noexcept : before_(is_exposed) {
  is_exposed = exposed;
}

exposure::~exposure() {
  is_exposed = before_;
}

starvation::starvation() noexcept {
  is_starved = true;
}

starvation::~starvation() {
  is_starved = false;
}

void hook_openssl() {
  if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1)
    std::abort(); // OpenSSL has allocated already
}

} // namespace torture

// System calls that make descriptors
// ---------------------------------------------------------------

using torture::make_descriptor;

extern "C" {

int socket(int domain, int type, int protocol) noexcept {
  return make_descriptor([=] { return ::syscall(SYS_socket, domain, type, protocol); });
}

int accept(int listener, sockaddr* address, socklen_t* size) {
  return make_descriptor([=] { return ::syscall(SYS_accept, listener, address, size); });
}

int accept4(int listener, sockaddr* address, socklen_t* size, int flags) {
  return make_descriptor([=] { return ::syscall(SYS_accept4, listener, address, size, flags); });
}

int epoll_create1(int flags) noexcept {
  return make_descriptor([=] { return ::syscall(SYS_epoll_create1, flags); });
}

int timerfd_create(clockid_t clock, int flags) noexcept {
  return make_descriptor([=] { return ::syscall(SYS_timerfd_create, clock, flags); });
}

int eventfd(unsigned count, int flags) noexcept {
  return make_descriptor([=] { return ::syscall(SYS_eventfd2, count, flags); });
}
}
