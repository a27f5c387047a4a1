#include "http1/framing.hpp"

#include "http1/chars.hpp"
#include "http1/head_facts.hpp"
#include "http1/persistence.hpp"

namespace httpool::http1 {
namespace {

bool keeps_alive(http_version version, const head_facts& facts) noexcept {
  return http1::keeps_alive(version, facts.says_close, facts.says_keep_alive);
}

problem judge_coding(http_version version, const head_facts& facts) noexcept {
  if (facts.has_transfer && version == http_version::http_1_0)
    return problem::coding_before_http_1_1;
  if (facts.transfer == coding::others_before_chunked)
    return problem::unknown_coding;
  if (facts.has_transfer && facts.transfer != coding::chunked)
    return problem::chunked_not_last;
  return problem::none;
}

} // namespace

problem frame(const request& head, request_framing& out) noexcept {
  const head_facts facts = gather(head.fields());
  out = {};
  if (facts.trouble != problem::none)
    return facts.trouble;
  if (facts.host_trouble != problem::none)
    return facts.host_trouble;
  if (facts.hosts == 0 && head.version() == http_version::http_1_1)
    return problem::host_missing;
  if (const problem what = judge_coding(head.version(), facts); what != problem::none)
    return what;

  if (facts.has_transfer)
    out.body = {body_kind::chunked, 0};
  else if (facts.length > 0)
    out.body = {body_kind::length, facts.length};
  out.keep_alive = keeps_alive(head.version(), facts);
  // RFC 9110 §10.1.1: what an HTTP/1.0 request expects is ignored.
  out.expects_continue = facts.expects_continue && head.version() == http_version::http_1_1;
  out.expects_something = facts.expects_something && head.version() == http_version::http_1_1;
  return problem::none;
}

problem frame(const response& head, std::string_view method, response_framing& out) noexcept {
  const head_facts facts = gather(head.fields());
  out = {};
  if (facts.trouble != problem::none)
    return facts.trouble;
  if (const problem what = judge_coding(head.version(), facts); what != problem::none)
    return what;

  const unsigned status = head.status();
  const bool tunnel = status == 101 || (is_exactly(method, "CONNECT") && status / 100 == 2);
  // A peer that repeats itself, or two peers in one another's way, may frame the next one
  // otherwise.
  out.keep_alive = keeps_alive(head.version(), facts) && !tunnel && !facts.repeats_length;
  out.has_hints = facts.has_hints;
  if (tunnel)
    out.body = {body_kind::tunnel, 0};
  else if (is_exactly(method, "HEAD") || !may_have_body(status))
    out.body = {body_kind::none, 0};
  else if (facts.has_transfer)
    out.body = {body_kind::chunked, 0};
  else if (facts.has_length)
    out.body = {facts.length > 0 ? body_kind::length : body_kind::none, facts.length};
  else
    out.body = {body_kind::until_close, 0};
  if (out.body.kind == body_kind::until_close)
    out.keep_alive = false;
  return problem::none;
}

} // namespace httpool::http1
