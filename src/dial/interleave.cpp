#include "dial/interleave.hpp"

#include <algorithm>
#include <iterator>

namespace httpool::detail {

using boost::asio::ip::tcp;

std::vector<tcp::endpoint> interleave_families(std::vector<tcp::endpoint> endpoints) {
  if (endpoints.empty())
    return endpoints;
  const tcp first_family = endpoints.front().protocol();
  const auto others =
      std::stable_partition(endpoints.begin(), endpoints.end(),
                            [&](const tcp::endpoint& e) { return e.protocol() == first_family; });
  std::vector<tcp::endpoint> mixed;
  mixed.reserve(endpoints.size());
  auto first = endpoints.begin();
  auto second = others;
  while (first != others && second != endpoints.end()) {
    mixed.push_back(*first++);
    mixed.push_back(*second++);
  }
  std::copy(first, others, std::back_inserter(mixed));
  std::copy(second, endpoints.end(), std::back_inserter(mixed));
  return mixed;
}

} // namespace httpool::detail
