// One request and its whole response over a leased connection.
//
// Chains of asynchronous steps, each of which owns the exchange while it is pending: a context that
// is destroyed with a step in it destroys the exchange, whose lease closes the connection.
//
// A small request is written, and then the response is read: one chain, one step at a time. A
// request that is large, is produced piece by piece, or waits for leave to go on is written while
// the response is read: two chains on a strand. Whichever of them decides how the exchange ends
// stops the other, and the exchange ends when neither has a step pending. A step that memory lacks
// to bring to the strand comes by memory put aside, with that for its outcome.
//
// A response is received whole into the message, or its head completes the call and its body is
// read by a `response_stream`, step by step as its owner asks.
#pragma once

#include "client/call_run.hpp"
#include "client/client_core.hpp"
#include "client/reserved_post.hpp"
#include "client/turns.hpp"
#include "http1/body_decoder.hpp"
#include "http1/framing.hpp"
#include "http1/head_parser.hpp"
#include "http1/serialize.hpp"

#include <httpool/client.hpp>
#include <httpool/error.hpp>
#include <httpool/exchange_trace.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace httpool::detail {

/// Bodies of at least this size are written while the response is read. Smaller ones fit into the
/// buffers of the sockets, so that the peer's reading is not waited for.
constexpr std::size_t two_way_size = 64 * 1024;

class exchange final : public std::enable_shared_from_this<exchange>,
                       public call_run,
                       private turn_waiter {
public:
  using owner = std::shared_ptr<exchange>;
  using error_code = boost::system::error_code;

  /// What comes next, given how that has ended which it waited for.
  using step = void (*)(const owner&, error_code, std::size_t);

  /// What is to be sent and received, in messages of its own or in those of its caller.
  struct call {
    std::optional<request> own_message = {};
    std::optional<body_source> body = {};
    const request* message = nullptr;
    client_response* answer = nullptr;
  };

  /// Begins, and takes the operation over.
  template <class Operation>
  static void start(const std::shared_ptr<client_core>& client, Operation& operation, call&& what,
                    const send_options& options);

  ~exchange();

  /// Cuts the lease off, or tells which acquire has to be cancelled.
  void cancel(cancelled& rest) noexcept override;

  // For the response's stream.
  const client_response& response() const noexcept { return *answer_; }
  const boost::asio::any_io_executor& executor() const noexcept { return client_->executor; }
  const std::shared_ptr<pool_core>& connections() const noexcept { return pool_->connections; }
  void give_ticket(read_operation& operation);
  void cancel_read(ticket operation);
  static void read_some(const owner& self, read_operation& operation,
                        boost::asio::mutable_buffer buffer);
  static void drop(owner self) noexcept;
  lease take_upgraded() noexcept;

private:
  struct key {};

public:
  /// For `start` alone.
  exchange(key, std::shared_ptr<client_core> client, call&& what, const send_options& options);

private:
  /// A body that comes piece by piece.
  struct produced_body {
    explicit produced_body(body_source from) : source(std::move(from)) {}

    body_source source;
    std::uint64_t left = 0; ///< Of a source whose size is known.
    std::vector<char> piece;
    std::size_t room = 0; ///< For the piece that is asked for,
    std::size_t size = 0; ///< and what has been put there.
    bool is_used = false;
    bool has_pieces = false;
    bool has_failed = false;
    boost::asio::cancellation_signal signal; ///< To be used on the strand.
  };

  /// What is being written.
  enum class sending : std::uint8_t { whole, head, piece, last };

  // Completion handlers that go on with a step.
  struct acquired;
  template <step Step>
  class then;
  template <step Step>
  class recovered;
  template <class T>
  class step_allocator;

  template <step Step, class Start>
  static void launch(const owner& self, bool& pending, Start start);
  template <step Step>
  static void go_on(const owner& self);
  static void put_off(const owner& self, bool& pending, step next) noexcept;
  void take_turn() override;
  void lose_turn() noexcept override;
  template <class Action>
  static void guarded(const owner& self, Action&& action);
  static void lack_memory(const owner& self);

  // The connection. Each step shares the exchange with the next.
  static void begin(const owner& self);
  static void acquire(const owner& self);
  static void got_lease(const owner& self, error_code ec, lease leased);
  static void send_again(const owner& self);
  static acquire_operation& make_acquire(const owner& self);
  error_code prepare();
  duration max_idle() const noexcept;
  bool take(lease&& leased);
  bool may_send_again() const noexcept;
  lease give_up_lease() noexcept;

  // The request.
  static void send_in_turn(const owner& self);
  static void begin_sending(const owner& self, error_code ec, std::size_t size);
  static void send(const owner& self, error_code ec, std::size_t size);
  static void write(const owner& self, sending what);
  static void wrote(const owner& self, error_code ec, std::size_t size);
  static void sent(const owner& self);
  static void await_leave(const owner& self);
  static void waited(const owner& self, error_code ec, std::size_t size);
  static void got_leave(const owner& self);
  static void send_body(const owner& self);
  static void produce(const owner& self);
  static void got_piece(const owner& self, error_code ec, std::size_t size);
  static void end_of_source(const owner& self);
  static void source_failed(const owner& self, error_code ec);
  bool rewind();
  bool has_company() const noexcept;

  // The response.
  static void begin_reading(const owner& self, error_code ec, std::size_t size);
  static void read(const owner& self);
  static void got_bytes(const owner& self, error_code ec, std::size_t size);
  static void got_content(const owner& self, error_code ec, std::size_t size);
  static void advance(const owner& self);
  static void go_on_reading(const owner& self);
  void limit_read() noexcept;
  error_code parse_head();
  error_code switch_protocols() noexcept;
  error_code decode(std::string& out);
  error_code end_of_connection(error_code ec) noexcept;

  // A streamed body.
  static void open(const owner& self);
  static void begin_read(const owner& self, error_code ec, std::size_t size);
  static void next_piece(const owner& self);
  static void got_body(const owner& self, error_code ec, std::size_t size);
  static void deliver(const owner& self, error_code ec, std::size_t size);
  void abandon_reader() noexcept;
  static void dropped(const owner& self, error_code ec, std::size_t size);
  static void discard(const owner& self);
  static void discarded(const owner& self, error_code ec, std::size_t size);

  // The end.
  static void end(const owner& self, error_code ec);
  static void conclude(const owner& self);
  static void complete(const owner& self);
  template <class Operation, class... Results>
  void finish(Operation& operation, Results... results);
  error_code told(error_code ec) noexcept;
  void count(error_code ec, time_point now) const noexcept;
  void tell_connection() const noexcept;
  template <class Event>
  static void tell(exchange_trace* trace, Event event) noexcept;
  lease leave_call() noexcept;
  bool settle_connection(lease& ended) const noexcept;
  bool did_peer_serve() const noexcept;

  // The messages.
  const request& message() const noexcept { return *message_; }
  client_response& answer() noexcept { return *answer_; }
  const client_response& answer() const noexcept { return *answer_; }
  static void clear(client_response& answer) noexcept;

  // Deadlines.
  duration time_left() const noexcept;
  void limit(duration time, error late) noexcept;
  void limit_until(time_point at, error late) noexcept;

  const std::shared_ptr<client_core> client_;
  client_core::shared_pool pool_;
  call_operation* operation_ = nullptr; ///< Null once it has been completed.
  send_operation* send_ = nullptr;      ///< The same, if the response is wanted whole,
  fill_operation* fill_ = nullptr;      ///< in the caller's message,
  open_operation* open_ = nullptr;      ///< or streamed.
  bool is_streamed_ = false;

  // Deadlines.
  const time_point began_;
  const time_point deadline_;
  const duration acquire_timeout_;
  const std::optional<duration> dial_timeout_;
  const duration first_byte_timeout_;
  const duration read_timeout_;
  time_point limit_ = time_point::max();         ///< What the lease's deadline is.
  error late_ = error::exchange_timeout;         ///< What has happened when that has passed.
  time_point first_byte_at_ = time_point::max(); ///< When the final response must have begun.

  // The request.
  exchange_trace* const trace_;           ///< The caller's, until it is told of the end.
  const request* message_;                ///< The caller's, or
  std::optional<request> own_message_;    ///< our own.
  std::optional<produced_body> produced_; ///< Its body, if it has a source.
  replay replay_ = replay::never;
  http1::request_head head_; ///< How its head goes out.
  std::string tail_;         ///< What ends its chunked body.
  std::string framing_line_; ///< The line before a piece.
  bool is_two_way_ = false;
  bool expects_leave_ = false; ///< The body waits for a 100.
  sending sending_ = sending::whole;
  std::size_t written_ = 0;   ///< Bytes of this attempt.
  bool is_head_sent_ = false; ///< Or with the piece that is being written.
  bool is_sent_ = false;
  bool write_failed_ = false;
  bool is_asking_leave_ = false; ///< To send the body,
  bool has_leave_ = false;       ///< which the peer has given.
  bool is_waiting_ = false;      ///< For that, or for as long as it may take.
  std::optional<boost::asio::any_io_executor> strand_;
  std::shared_ptr<reserved_blocks> reserve_; ///< Of a strand.
  std::optional<boost::asio::steady_timer> leave_timer_;

  // The response.
  http1::response_parser parser_;
  http1::response_framing framing_;
  http1::body_decoder decoder_;
  std::size_t body_size_ = 0; ///< Before a read into the body.
  bool has_head_ = false;
  bool has_bytes_ = false;  ///< A byte of a response has come.
  bool is_drained_ = false; ///< The latest read took all that had come.
  bool is_upgraded_ = false;
  client_response* answer_;                   ///< The caller's, or
  std::optional<client_response> own_answer_; ///< our own.
  std::string content_;                       ///< Of a streamed body: decoded, and not read yet
  std::size_t content_taken_ = 0;             ///< from here on.
  read_operation* asked_ = nullptr;           ///< On its way to the strand, with its buffer:
  boost::asio::mutable_buffer asked_room_;
  read_operation* reader_ = nullptr; ///< Whom the next piece is for,
  boost::asio::mutable_buffer room_; ///< in here;
  bool is_direct_ = false;           ///< which is read past the connection's buffer.
  std::size_t to_discard_ = 0;

  // A step that waits for its turn, and what keeps the exchange meanwhile.
  step next_step_ = nullptr;
  owner kept_;

  // Memory for what waits for the one step that is pending, if there is no strand.
  static constexpr std::size_t step_size = 512;
  alignas(std::max_align_t) std::byte step_room_[step_size];
  bool is_room_taken_ = false;

  // The end.
  bool is_stepping_ = false; ///< This is not the call any more that began it.
  bool is_writing_ = false;  ///< A step of the request is pending.
  bool is_reading_ = false;  ///< A step of the response is pending.
  bool is_ending_ = false;
  bool has_ended_ = false;
  bool was_kept_ = false; ///< The peer may have closed the connection before it was asked.
  error_code outcome_;

  // Under the client's lock if the operation can be cancelled.
  lease lease_;
  ticket waiting_; ///< The acquire that is under way.
  ticket reading_; ///< The read that is under way.
  std::uint64_t readers_ = 0;
  bool is_read_cancelled_ = false;
};

/// A peer that has gone shows in many ways; to the caller they are one.
boost::system::error_code as_ours(boost::system::error_code ec) noexcept;

/// What is told of what a body's source has thrown.
boost::system::error_code code_of(const std::exception_ptr& failure) noexcept;

inline std::string_view view(const boost::beast::flat_buffer& buffer) noexcept {
  const auto data = buffer.cdata();
  return std::string_view(static_cast<const char*>(data.data()), data.size());
}

} // namespace httpool::detail
