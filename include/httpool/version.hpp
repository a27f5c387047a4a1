/// \file
/// The version of httpool, for the preprocessor and at run time. CMake refuses to configure if it
/// is not the version of the project.
#pragma once

#include <httpool/detail/export.hpp>

#include <string_view>

/// Rises with changes after which programs may have to be changed; while it is 0, the minor does.
#define HTTPOOL_VERSION_MAJOR 0

/// Rises with what is new.
#define HTTPOOL_VERSION_MINOR 1

/// Rises with what was mended.
#define HTTPOOL_VERSION_PATCH 0

/// All three, with dots.
#define HTTPOOL_VERSION_STRING "0.1.0"

namespace httpool {

/// The version of the library that the program runs with, such as "0.1.0". With shared libraries
/// that may be a later one than `HTTPOOL_VERSION_STRING`, which is that of the headers it was
/// compiled with. May be called from any thread; never fails.
HTTPOOL_EXPORT std::string_view version() noexcept;

} // namespace httpool
