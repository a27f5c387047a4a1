// Memory whose whole content can be kept and put back: objects that live in it are copied, pointers
// to each other and all, since each comes back to where it was.
#pragma once

#include <cstddef>
#include <vector>

namespace httpool::test::arena {

/// While one exists, `operator new` takes from the arena. What is deleted goes back to where it
/// came from in any case.
class scope {
public:
  scope() noexcept;
  ~scope();
  scope(const scope&) = delete;
  scope& operator=(const scope&) = delete;
};

using snapshot = std::vector<std::byte>;

void keep(snapshot& to);
void put_back(const snapshot& from) noexcept;

/// Forgets all that is in it.
void reset() noexcept;

} // namespace httpool::test::arena
