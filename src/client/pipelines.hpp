// The connections to one origin that calls share, and the calls that wait for one.
//
// Who waits does so in the pool, each with an acquire of its own, so that order, limits, timeouts
// and errors are the pool's. A lease that comes for one of them takes others along, whose acquires
// are cancelled. A call joins a connection that others use only if nobody waits: so those who want
// a connection alone get one, since one that nobody joins is given back as soon as all its
// responses have come.
//
// Order of locks: the client's, this, the pool's. Of the pool nothing is asked within this that may
// complete an operation.
#pragma once

#include "client/pipeline.hpp"
#include "client/pipelined_call.hpp"
#include "pool/core.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/intrusive/list.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace httpool::detail {

class pipelines {
public:
  using owner = pipelined_call::owner;

  pipelines(std::shared_ptr<pool_core> connections, const client_options& options);

  /// Finds a new call its place. Throws if memory lacks for that.
  void place(const owner& call);

  /// An acquire of a call's has ended.
  void acquired(const owner& call, std::uint64_t number, boost::system::error_code ec,
                lease leased) noexcept;

  /// A call that waits is destroyed.
  void forget(pipelined_call& call) noexcept;

  /// A pipeline that has ended may serve as another one's memory.
  void keep(pipeline::owner ended) noexcept;

  /// What the steps of pipelines run on: no strand, of which they have no need.
  const boost::asio::any_io_executor& beneath() const noexcept { return beneath_; }

  std::mutex mutex; ///< Guards all that follows, and what calls and pipelines say it does.

  void enqueue(pipelined_call& call) noexcept;
  void dequeue(pipelined_call& call) noexcept;
  void add(pipeline& begun) noexcept { open_.push_back(begun); }
  void remove(pipeline& ended) noexcept { open_.erase(open_.iterator_to(ended)); }

  bool speaks_1_0 = false; ///< The peer has answered in HTTP/1.0, which knows no pipelining.

private:
  pipeline::owner make();
  pipeline::owner roomiest(time_point now) noexcept;
  owner next(bool takes_replays) noexcept;
  bool leave_for_another(pipelined_call& call, std::uint64_t number) noexcept;
  void serve(const owner& call, std::uint64_t number, lease leased);
  void fill(const pipeline::owner& line) noexcept;

  const std::shared_ptr<pool_core> connections_;
  const boost::asio::any_io_executor beneath_;
  const http1::head_limits limits_;
  boost::intrusive::list<pipelined_call> waiting_; ///< Those who are sent again first.
  boost::intrusive::list<pipeline> open_;
  std::vector<pipeline::owner> spare_;
};

} // namespace httpool::detail
