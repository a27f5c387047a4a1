// Names to endpoints. Every name that httpool looks up goes through this one function.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace httpool::detail {

/// A host without the brackets round it, if it has them.
std::string_view without_brackets(std::string_view host) noexcept;

/// The endpoints of `host`, in the order of preference that the system gives, never none. An IP
/// literal, IPv6 with or without brackets, never reaches the resolver.
///
/// Ends at once when the coroutine is cancelled, although a look-up that the system has begun goes
/// on behind it: `getaddrinfo` cannot be interrupted. To be called on a strand.
///
/// \throws boost::system::system_error such as error::name_not_found.
boost::asio::awaitable<std::vector<boost::asio::ip::tcp::endpoint>> resolve(std::string host,
                                                                            std::uint16_t port);

/// How a dialer looks a name up: by `resolve`, but for tests, which need names that nobody else
/// has.
using name_resolver =
    std::function<boost::asio::awaitable<std::vector<boost::asio::ip::tcp::endpoint>>(
        std::string, std::uint16_t)>;

} // namespace httpool::detail
