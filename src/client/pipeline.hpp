// A connection that several calls share: it writes their requests, gathered, and gives each its
// response, in order.
//
// It is owned by its steps that are pending: a read, a write, a flush that was posted. A context
// that is destroyed with these destroys the pipeline, whose lease closes the connection, and the
// calls in it. When no response is awaited any more the lease ends; then the object may be another
// pipeline.
//
// All steps need no memory but their own rooms, so that none is lost where the client's executor is
// a context or a strand of one.
#pragma once

#include "client/pipelined_call.hpp"
#include "client/step_room.hpp"
#include "http1/body_decoder.hpp"
#include "http1/framing.hpp"
#include "http1/head_parser.hpp"

#include <httpool/lease.hpp>
#include <httpool/response.hpp>

#include <boost/intrusive/list_hook.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

namespace httpool::detail {

class pipelines;

class pipeline : public std::enable_shared_from_this<pipeline>,
                 public boost::intrusive::list_base_hook<> {
public:
  using owner = std::shared_ptr<pipeline>;
  using error_code = boost::system::error_code;

  explicit pipeline(http1::head_limits limits);
  ~pipeline();

  // Under the lock of the pipelines
  // -----------------------------------------------------------------

  /// Takes the lease, unless memory lacks for the request. The first flush has to be posted.
  void begin(const std::shared_ptr<client_core>& client, const client_core::shared_pool& pool,
             lease& leased, const pipelined_call::owner& first);

  bool has_room(time_point now) const noexcept;
  std::size_t unanswered() const noexcept { return unanswered_.size(); }

  /// True if a flush has to be posted.
  bool add(const pipelined_call::owner& call);

  /// To be said when a call is over whose response has not come.
  void limit();

  // Outside of all locks
  // ----------------------------------------------------------------------------

  static void post_flush(const owner& self);

private:
  template <void (*Step)(const owner&, error_code, std::size_t), step_room pipeline::*Room>
  struct step;
  using guard = std::unique_lock<std::mutex>;

  pipelines& shared() const noexcept;
  template <class Step, class Start>
  void launch(Step next, Start start);

  // The requests.
  static void flush(const owner& self, error_code ec, std::size_t size);
  static void wrote(const owner& self, error_code ec, std::size_t size);
  static void go_on(const owner& self, guard& lock);
  void write(const owner& self, guard& lock);

  // The responses.
  void read(const owner& self);
  static void got_bytes(const owner& self, error_code ec, std::size_t size);
  error_code take_in(error_code ec, std::size_t size);
  error_code advance();
  std::uint64_t handed_or_about_to_be() const noexcept;
  error_code begin_response();
  error_code parse_head();
  bool answered();

  // The end.
  void stop(error_code why) noexcept;
  static void conclude(const owner& self, guard& lock);
  void give_back() noexcept;
  void lose() noexcept;
  static void send_again(const pipelined_call::owner& call, lease dead) noexcept;
  void clear() noexcept;

  std::shared_ptr<client_core> client_;
  client_core::shared_pool pool_;
  lease lease_;

  // Under the lock of the pipelines, until it has ended.
  call_chain unanswered_;
  bool is_shared_ = false; ///< The connection has served: others may join.
  bool was_kept_ = false;  ///< The peer may have closed it before it was asked.
  bool was_late_ = false;  ///< It was cut off at the deadline of another, before it began.
  std::size_t served_ = 0;
  time_point limit_ = time_point::max(); ///< What the lease's deadline is.
  std::string out_;                      ///< What is to be written,
  std::string writing_;                  ///< what is being written,
  std::size_t written_ = 0;              ///< and how much of that has been.
  std::uint64_t handed_ = 0;             ///< All bytes so far that the system has taken.
  bool write_failed_ = false;
  bool is_flush_posted_ = false;
  bool is_writing_ = false;
  bool awaits_room_ = false; ///< The write waits for the system to take more.
  bool is_reading_ = false;
  bool is_in_turn_ = false; ///< What was read is being taken in: what joins is flushed after that.
  bool is_ending_ = false;  ///< Nobody joins any more.
  bool is_kept_ = true;     ///< As far as the peer has said.
  error_code outcome_;
  pipelined_call::owner last_; ///< Who is told when the lease has been given back.

  // Of the reader.
  std::uint64_t handed_before_ = 0; ///< What the bytes that were read last can answer.
  httpool::response answer_;
  http1::response_parser parser_;
  http1::response_framing framing_;
  http1::body_decoder decoder_;
  bool has_begun_ = false; ///< A byte of the next response has come.
  bool has_head_ = false;
  bool is_direct_ = false; ///< The body is being read past the buffer, behind
  std::size_t body_size_ = 0;
  bool is_drained_ = false; ///< The latest read took all that had come.

  step_room read_room_;
  step_room write_room_;
  step_room flush_room_;
};

} // namespace httpool::detail
