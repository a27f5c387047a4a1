#include "inspect/core.hpp"
#include "inspect/events.hpp"
#include "inspect/guard.hpp"
#include "inspect/page.hpp"
#include "inspect/report.hpp"

#include <httpool/client.hpp>
#include <httpool/connection_pool.hpp>
#include <httpool/inspector.hpp>
#include <httpool/metrics.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace httpool {
namespace {

using detail::inspector_core;

response refuse(unsigned status) {
  response message(status, std::string(standard_reason(status)) + '\n', "text/plain");
  if (status == 405)
    message.fields().set("Allow", "GET, HEAD");
  detail::protect(message);
  return message;
}

response page(inspector_core& core) {
  const std::string nonce = detail::make_nonce();
  response message(200, detail::page_text(core.seen()->all(), nonce), "text/html; charset=utf-8");
  detail::protect(message, nonce);
  return message;
}

response report(inspector_core& core) {
  response message(200, detail::report_text(core.seen()->all()), "application/json");
  detail::protect(message);
  return message;
}

response metrics(inspector_core& core, const request& asked) {
  const metrics_format format = metrics_format_for(asked.fields().value("Accept"));
  response message(200, core.metrics(format), content_type_of(format));
  detail::protect(message);
  return message;
}

reply events(const std::shared_ptr<inspector_core>& core, bool to_head) {
  if (to_head) {
    response message(200, std::string(), "text/event-stream");
    detail::protect(message);
    return message;
  }
  reply made = detail::stream_events(core);
  detail::protect(made.is_streamed() ? made.head() : made.now());
  return made;
}

std::optional<reply> answer_to(const std::shared_ptr<inspector_core>& core,
                               const request& message) {
  const detail::asked_place place = detail::place_of(message);
  const std::string& path = place.path;
  if (path != "/pool" && path != "/pool.json" && path != "/pool/events" && path != "/metrics")
    return std::nullopt;
  if (const unsigned status = detail::refusal_of(message, place, core->options().hosts);
      status != 0)
    return refuse(status);
  if (core->is_closed())
    return refuse(503);
  if (path == "/pool/events")
    return events(core, message.method() == "HEAD");
  if (path == "/metrics")
    return metrics(*core, message);
  return path == "/pool" ? page(*core) : report(*core);
}

} // namespace

inspector::inspector(inspector_options options)
    : core_(std::make_shared<inspector_core>(std::move(options))) {}

inspector::~inspector() {
  close();
}

void inspector::watch(std::string name, const connection_pool& pool) {
  using views = std::vector<detail::named_view>;
  const std::weak_ptr<detail::pool_core> weak = detail::core_of(pool);
  core_->count(name, pool);
  core_->watch(std::move(name), [weak]() -> std::optional<views> {
    const auto core = weak.lock();
    if (!core)
      return std::nullopt;
    views all;
    all.push_back({std::string(), detail::view_of(*core)});
    return all;
  });
}

void inspector::watch(std::string name, const client& of) {
  using views = std::vector<detail::named_view>;
  const std::weak_ptr<detail::client_core> weak = detail::core_of(of);
  core_->count(name, of);
  core_->watch(std::move(name), [weak]() -> std::optional<views> {
    const auto core = weak.lock();
    if (!core)
      return std::nullopt;
    views all;
    for (origin_view& each : detail::views_of(*core))
      all.push_back({each.origin.to_string(), std::move(each.pool)});
    return all;
  });
}

void inspector::watch_server(std::string name, std::function<server_stats()> figures) {
  core_->watch_server(std::move(name), std::move(figures));
}

void inspector::unwatch_server(std::string_view name) noexcept {
  core_->unwatch_server(name);
}

std::shared_ptr<pool_observer> inspector::observer(std::string name,
                                                   std::shared_ptr<pool_observer> next) {
  return core_->observer(std::move(name), std::move(next));
}

std::optional<reply> inspector::answer(const request& message, const request_context&) const {
  return answer_to(core_, message);
}

server_handler inspector::handler() const {
  return mount([](const request& message) {
    const bool is_root = detail::place_of(message).path == "/";
    response answer(is_root ? 302 : 404, is_root ? "see /pool\n" : "not found\n", "text/plain");
    if (is_root)
      answer.fields().set("Location", "/pool");
    detail::protect(answer);
    return answer;
  });
}

server_handler inspector::mount(server_handler beneath) const {
  return server_handler([core = core_, beneath = std::move(beneath)](
                            request&& message, const request_context& context) -> reply {
    if (auto made = answer_to(core, message))
      return std::move(*made);
    return beneath(std::move(message), context);
  });
}

void inspector::sample() {
  core_->sample();
}

void inspector::close() noexcept {
  core_->close();
}

} // namespace httpool
