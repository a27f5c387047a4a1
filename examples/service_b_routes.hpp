// What ServiceB answers, for the program of that name and for the demo that has it inside.
#pragma once

#include <httpool/server_handler.hpp>

namespace service_b {

// GET /, POST /echo, GET /delay/{ms}, GET /bytes/{n}, GET /status/{code}, GET /connection and
// GET /healthz; anything else is a 404, a wrong method a 405.
httpool::reply route(httpool::request&& message, const httpool::request_context& context);

// Makes the reuse of connections visible from outside: X-Connection-Id and X-Request-Number.
void stamp(httpool::response& message, const httpool::request_context& context);

} // namespace service_b
