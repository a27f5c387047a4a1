// Who may read what the inspector shows, and what browsers are told about it.
#pragma once

#include <httpool/request.hpp>
#include <httpool/response.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace httpool::detail {

/// What a request is for.
struct asked_place {
  std::string authority; ///< Of an absolute target, or else what `Host` says.
  std::string path;      ///< Without the query.
};

/// Targets in absolute-form are for their own authority, whatever `Host` says (RFC 9112 §3.2.2).
asked_place place_of(const request& message);

/// What a request is refused with: 0 if it is not. GET and HEAD alone (405); by `localhost`, an IP
/// address or one of `hosts` alone (421); and never for a page of another origin (403).
unsigned refusal_of(const request& message, const asked_place& place,
                    const std::vector<std::string>& hosts);

/// Sets the fields that keep other origins from reading, framing or sniffing a response. Scripts
/// and styles need `nonce`; without one there may be none.
void protect(response& message, std::string_view nonce = {});

/// A value that nobody guesses.
std::string make_nonce();

} // namespace httpool::detail
