// One connection of a server: reads requests, has them answered, writes responses.
#pragma once

#include "http1/body_decoder.hpp"
#include "http1/framing.hpp"
#include "http1/head_parser.hpp"
#include "server/batch.hpp"
#include "server/deadlines.hpp"
#include "server/quota.hpp"
#include "server/read_buffer.hpp"
#include "tls/secure_stream.hpp"

#include <httpool/request.hpp>
#include <httpool/request_context.hpp>
#include <httpool/server_handler.hpp>
#include <httpool/stream.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/intrusive/list_hook.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace httpool::detail {

class server_core;

struct connection_tag;
using connection_hook =
    boost::intrusive::list_base_hook<boost::intrusive::tag<connection_tag>,
                                     boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

// The pool's connection is another class: the two must not have one name, since a program may hold
// both libraries.
class server_connection final : public std::enable_shared_from_this<server_connection>,
                                public deadline_holder,
                                public connection_hook {
public:
  using tcp = boost::asio::ip::tcp;

  server_connection(std::shared_ptr<server_core> core, place room, tcp::socket socket,
                    const request_context& context);
  ~server_connection();

  server_connection(const server_connection&) = delete;
  server_connection& operator=(const server_connection&) = delete;

  // Serves until the connection has ended, which is when `self` goes.
  static boost::asio::awaitable<void> run(std::shared_ptr<server_connection> self);

  std::uint64_t id() const noexcept { return context_.connection_id; }

  // The server stops: if no byte of a request has arrived, the connection ends.
  void nudge() noexcept;

  // A byte of a request has arrived whose response has not left.
  bool owes_answer() const noexcept;

  // Ends it now.
  void abort() noexcept;

  void on_deadline(deadline_kind kind) noexcept override;

private:
  enum class step : std::uint8_t {
    read,   // more bytes are needed
    answer, // a request is complete
    end,    // nothing more is taken from this client
  };
  enum class waiting : std::uint8_t { nothing, handshake, request, head, body };

  // Parsing what has arrived.
  step advance();
  step take_head();
  step refuse(unsigned status, std::string_view why);

  // Answering.
  boost::asio::awaitable<bool> call_handler();
  boost::asio::awaitable<bool> answer_later(reply pending);
  boost::asio::awaitable<response> finish(reply pending);
  response failure();
  void tell_failure() const;
  void answer(response& message);
  http1::body_form begin_answer(response& message);
  http1::body_form send(response& message, bool keep_alive);
  boost::asio::awaitable<bool> stream_body(reply made);
  boost::asio::awaitable<std::optional<std::size_t>> produce(const reply& made,
                                                             boost::asio::mutable_buffer piece);
  void await_next_request() noexcept;
  void reset_when_closed(bool wanted) noexcept;
  bool batch_is_full() const noexcept;

  // Reading and writing.
  boost::asio::awaitable<void> serve();
  boost::asio::awaitable<std::size_t> read_some(boost::system::error_code& ec);
  boost::asio::awaitable<void> readable(boost::system::error_code& ec);
  boost::asio::awaitable<bool> write_rest(boost::system::error_code ec);
  boost::asio::awaitable<bool> write_plain(boost::system::error_code ec);
  boost::asio::awaitable<void> linger();
  boost::system::error_code write();
  std::size_t read_now(boost::system::error_code& ec);
  boost::asio::mutable_buffer room();
  void begin_waiting();
  void stop_waiting() noexcept;
  void give_back_memory() noexcept;
  void received(boost::system::error_code ec, std::size_t bytes);
  void store(std::size_t bytes);
  void take_last();
  void cut();
  std::size_t unacknowledged() noexcept;
  bool is_client_receiving() noexcept;
  void input_ended();
  void end(bool lingering) noexcept;
  void stop_operation() noexcept;

  // If the connection is encrypted.
  boost::asio::awaitable<void> encrypt();
  std::size_t decrypt(boost::asio::mutable_buffer to, boost::system::error_code& ec);
  boost::asio::awaitable<std::size_t> read_encrypted(boost::system::error_code& ec);
  boost::asio::awaitable<bool> write_encrypted();

  std::shared_ptr<server_core> core_;
  place place_;
  tcp::socket socket_;
  stream stream_; // over socket_: all that goes over it once it is encrypted
  request_context context_;
  boost::asio::cancellation_signal cancel_handler_;

  read_buffer in_;
  batch out_;
  request request_;
  http1::request_parser parser_;
  http1::request_framing framing_;
  http1::body_decoder decoder_;
  http1::response_context answering_; // what of the request the response depends on

  static constexpr std::size_t unknown = ~std::size_t{0};
  std::size_t unacknowledged_ = unknown; // when is_client_receiving() was last asked
  std::size_t body_arrived_ = 0;         // when its deadline was last set
  std::size_t body_filled_ = 0;
  waiting waiting_ = waiting::nothing;
  bool in_body_ = false;
  bool past_buffer_ = false; // the read goes straight into the body
  bool is_cool_ = false;     // it has been idle for a while, and waits without memory to read into
  bool streaming_ = false;   // a body whose end its source has not given yet
  bool ended_ = false;
  bool lingering_ = false;
  bool aborted_ = false;
  bool late_ = false;
  bool in_tls_ = false; // an operation of the encrypted stream is pending
};

} // namespace httpool::detail
