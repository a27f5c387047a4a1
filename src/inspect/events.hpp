// The stream that keeps the page live (server-sent events of the HTML standard).
#pragma once

#include "inspect/core.hpp"

#include <httpool/server_handler.hpp>

#include <memory>
#include <string>

namespace httpool::detail {

/// All that was seen as an event: `whole`, with the history before it, or `sample`.
std::string event_text(const sight& all, bool is_whole);

/// The response that streams events until its client or the inspector has had enough. A sample that
/// the client has not taken in time is left out. 503 if there are streams enough.
reply stream_events(std::shared_ptr<inspector_core> core);

} // namespace httpool::detail
