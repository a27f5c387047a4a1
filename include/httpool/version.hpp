/// \file
/// The version of httpool, for the preprocessor. CMake refuses to configure if it is not the
/// project's.
#pragma once

/// Rises with changes after which programs may have to be changed; while it is 0, the minor does.
#define HTTPOOL_VERSION_MAJOR 0

/// Rises with what is new.
#define HTTPOOL_VERSION_MINOR 1

/// Rises with what was mended.
#define HTTPOOL_VERSION_PATCH 0

/// All three, with dots.
#define HTTPOOL_VERSION_STRING "0.1.0"
