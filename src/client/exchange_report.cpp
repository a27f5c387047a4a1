// What an exchange says of itself and of its connection: to whoever counts or traces it, and to the
// pool.

#include "client/exchange.hpp"
#include "client/exchange_steps.hpp"
#include "client/keep_alive_hint.hpp"
#include "pool/connection.hpp"

namespace httpool::detail {

/// To be called only if there is a trace.
void exchange::tell_connection() const noexcept {
  const connection& c = pool_core::connection_of(lease_);
  traced_connection met;
  met.id = c.id;
  met.reused = lease_.reused();
  met.idle = c.leased_at - c.idle_since;
  met.dial = {c.dialed_at, c.dialed.connected, c.dialed.secured, c.made_at};
  tell(trace_, [&](exchange_trace& t) { t.got_connection(met); });
}

/// Its end is known. One that could not be said where to go counts nowhere. After an error the
/// answer may be gone.
void exchange::count(error_code ec, time_point now) const noexcept {
  if (pool_)
    pool_->exchanges->ended(ec ? outcome_of(ec) : outcome_of(answer().status()), now - began_);
  tell(trace_, [&](exchange_trace& t) { t.done(ec, ec ? 0 : answer().status()); });
}

/// Says what is known of the connection and its endpoint, and whether it may serve again.
bool exchange::settle_connection(lease& ended) const noexcept {
  if (!did_peer_serve())
    ended.avoid_endpoint();
  if (outcome_ || !is_sent_ || write_failed_ || is_upgraded_ || !framing_.keep_alive ||
      !head_.keep_alive)
    return false;
  return !framing_.has_hints || heed(hint_of(answer().fields()), ended);
}

/// False if the peer took a request and nothing came of it. One that ends a connection which it had
/// kept has done no wrong.
bool exchange::did_peer_serve() const noexcept {
  if (has_bytes_ || (produced_ && produced_->has_failed))
    return true;
  if (outcome_ == error::connection_closed)
    return was_kept_;
  return !is_sent_ ||
         (outcome_ != error::exchange_timeout && outcome_ != error::first_byte_timeout);
}

} // namespace httpool::detail
