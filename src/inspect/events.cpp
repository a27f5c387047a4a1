#include "inspect/events.hpp"

#include "inspect/display.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <utility>

namespace httpool::detail {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

json::object object_of(const texts& fields) {
  json::object made;
  for (const auto& [name, text] : fields)
    made.emplace(json::string_view(name.data(), name.size()), text);
  return made;
}

template <class Rows>
json::array array_of(const Rows& rows) {
  json::array all;
  for (const auto& row : rows) {
    json::array cells;
    for (const std::string& cell : row)
      cells.emplace_back(cell);
    all.emplace_back(std::move(cells));
  }
  return all;
}

json::object lane_object(const lane& each, const sight& all, bool is_whole) {
  json::object made;
  made["k"] = each.key;
  if (is_whole)
    made["h"] = history_of(each, all);
  else
    made["m"] = std::string(1, each.marks.at(all.column));
  made["f"] = object_of(display_of(each, all));
  return made;
}

json::object pool_object(const watched& group, const track& pool, const sight& all, bool is_whole) {
  const pool_display shown = display_of(group, pool, all);
  json::object made;
  made["k"] = key_of(group, pool);
  made["f"] = object_of(shown.fields);
  made["parts"] = json::array(shown.parts.begin(), shown.parts.end());
  made["limit"] = shown.limit;
  made["closes"] = array_of(shown.closes);
  if (is_whole) {
    const auto counts = waiters_of(pool, all);
    made["w"] = json::array(counts.begin(), counts.end());
  } else {
    made["w"] = pool.waiting_at(all.column);
  }
  json::array lanes;
  for (const lane& each : pool.lanes())
    lanes.emplace_back(lane_object(each, all, is_whole));
  made["lanes"] = std::move(lanes);
  return made;
}

/// One reader's place in the stream.
class event_source {
public:
  explicit event_source(std::shared_ptr<inspector_core> core) noexcept : core_(std::move(core)) {}
  event_source(const event_source&) = delete;
  event_source& operator=(const event_source&) = delete;
  ~event_source() { core_->leave_stream(); }

  asio::awaitable<std::size_t> read(asio::mutable_buffer into) {
    if (!event_ || told_ == event_->size()) {
      asio::steady_timer timer(co_await asio::this_coro::executor);
      auto seen = core_->seen();
      while (seen->all().column == column_ && !core_->is_closed()) {
        seen.reset();
        timer.expires_after(core_->options().sample_every / 2);
        co_await timer.async_wait(asio::use_awaitable);
        seen = core_->seen();
      }
      if (core_->is_closed())
        co_return 0;
      const std::uint64_t column = seen->all().column;
      const bool is_whole = column_ + columns / 4 < column; // the first, or far behind
      if (is_whole)
        event_ = std::make_shared<const std::string>(event_text(seen->all(), true));
      else
        event_ = seen->event();
      column_ = column;
      told_ = 0;
    }
    const std::size_t size = asio::buffer_copy(into, asio::buffer(*event_) + told_);
    told_ += size;
    co_return size;
  }

private:
  const std::shared_ptr<inspector_core> core_;
  std::shared_ptr<const std::string> event_; ///< That is being told,
  std::size_t told_ = 0;                     ///< and how much of it has been.
  std::uint64_t column_ = 0;
};

} // namespace

std::string event_text(const sight& all, bool is_whole) {
  json::object made;
  made["column"] = all.column;
  made["ms"] = all.sample_every / std::chrono::milliseconds(1);
  json::array pools;
  for (const watched& group : all.pools) {
    for (const track& each : group.tracks)
      pools.emplace_back(pool_object(group, each, all, is_whole));
  }
  made["pools"] = std::move(pools);
  made["left_out_text"] = left_out_text(all);
  made["events"] = array_of(occurrences_of(all));
  made["servers"] = array_of(servers_of(all));
  std::string text = is_whole ? "retry: 2000\nevent: whole\ndata: " : "event: sample\ndata: ";
  return text.append(json::serialize(made)).append("\n\n"); // no line breaks: JSON escapes them
}

reply stream_events(std::shared_ptr<inspector_core> core) {
  if (core->is_closed() || !core->take_stream()) {
    response full(503, "there are readers enough\n", "text/plain");
    full.fields().set("Retry-After", "5");
    return full;
  }
  const auto source = std::make_shared<event_source>(std::move(core));
  response head(200, std::string(), "text/event-stream");
  return reply(std::move(head), [source](asio::mutable_buffer into) { return source->read(into); });
}

} // namespace httpool::detail
