// One request and its whole response over a leased connection.
//
// A chain of asynchronous steps, each of which owns the exchange while it is pending: a context
// that is destroyed with a step in it destroys the exchange, whose lease closes the connection. A
// step that memory does not suffice for ends the exchange.
#pragma once

#include "client/client_core.hpp"
#include "http1/body_decoder.hpp"
#include "http1/framing.hpp"
#include "http1/head_parser.hpp"
#include "http1/serialize.hpp"

#include <httpool/client.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <string>

namespace httpool::detail {

class exchange {
public:
  /// Begins, and takes the operation over.
  static void start(std::shared_ptr<client_core> client, send_operation& operation, request message,
                    send_options options);

  ~exchange();

  /// Under the client's lock: cuts the lease off, or tells which acquire has to be cancelled.
  ticket cancel() noexcept;

  using owner = std::shared_ptr<exchange>;
  using error_code = boost::system::error_code;

private:
  struct key {};

public:
  /// For `start` alone.
  exchange(key, std::shared_ptr<client_core> client, send_operation& operation, request message,
           time_point deadline);

private:
  /// A completion handler that goes on with a step.
  struct acquired;
  template <void (*Step)(const owner&, error_code, std::size_t)>
  struct then;

  template <class Action>
  static void guarded(const owner& self, Action action);
  static void out_of_memory(const owner& self);

  // The steps. Each shares the exchange with the next.
  static void begin(const owner& self);
  static void acquire(const owner& self);
  static void got_lease(const owner& self, error_code ec, lease leased);
  static void write(const owner& self);
  static void wrote(const owner& self, error_code ec, std::size_t size);
  static void read(const owner& self);
  static void got_bytes(const owner& self, error_code ec, std::size_t size);
  static void got_content(const owner& self, error_code ec, std::size_t size);
  static void advance(const owner& self);
  static void ended(const owner& self, error_code ec);
  static void send_again(const owner& self);
  static void finish(const owner& self, error_code ec);

  bool may_send_again() const noexcept;
  bool take(lease leased);
  error_code parse_head();
  duration time_left() const noexcept;
  static acquire_operation& make_acquire(const owner& self);

  const std::shared_ptr<client_core> client_;
  send_operation* operation_; ///< Null once it has been completed.
  const time_point deadline_;

  request request_;
  std::string head_; ///< The request's head on the wire.
  std::string tail_; ///< What ends its chunked body.
  http1::body_form form_ = http1::body_form::none;
  std::size_t written_ = 0; ///< Bytes of this attempt.
  bool write_failed_ = false;

  http1::response_parser parser_;
  http1::response_framing framing_;
  http1::body_decoder decoder_;
  std::size_t body_size_ = 0; ///< Before a read into the body.
  bool has_head_ = false;
  bool has_bytes_ = false; ///< A byte of a response has come.
  client_response response_;

  // Under the client's lock if the operation can be cancelled.
  lease lease_;
  ticket waiting_; ///< The acquire that is under way.
};

} // namespace httpool::detail
