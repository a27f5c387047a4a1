// What is printed.
#pragma once

#include "faults/row.hpp"

#include <string_view>

namespace httpool_test::faults {

void print_head();
void print(std::string_view fault, const row& found);

} // namespace httpool_test::faults
