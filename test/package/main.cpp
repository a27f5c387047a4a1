// What a user of the installed libraries would write first.

#include <httpool/error.hpp>

#include <iostream>

int main() {
  const boost::system::error_code code = httpool::error::acquire_timeout;
  std::cout << code.message() << '\n';
  return code == httpool::errc::timeout ? 0 : 1;
}
