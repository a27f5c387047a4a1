/// \file
/// The word that marks what a shared library of httpool shows to programs: they are built with all
/// other symbols hidden.
#pragma once

#define HTTPOOL_EXPORT __attribute__((visibility("default")))
