// Strands that a polymorphic executor holds without memory of its own.
#pragma once

#include <boost/asio/any_io_executor.hpp>

namespace httpool::detail {

/// A strand of `executor`, or `executor` itself if it is a strand of an `io_context`.
///
/// An `any_io_executor` that holds a strand of another has to allocate whenever Asio prefers a
/// property of it, which Asio 1.81 does where nothing may be thrown: the process would be
/// terminated. A strand of an `io_context` is small enough to be held in place.
boost::asio::any_io_executor strand_of(const boost::asio::any_io_executor& executor);

/// What that strand is a strand of, if it is one of an `io_context`, or else `executor`.
///
/// A strand of Asio 1.81 that is posted to from outside may lack the memory to be run when what it
/// should run waits in it already: from then on it is taken for one that runs, and what waits in it
/// waits for ever. What is posted here instead, and dispatches to the strand, finds memory lacking
/// before anything waits, and the strand is then run in place.
boost::asio::any_io_executor beneath_strand(const boost::asio::any_io_executor& executor);

} // namespace httpool::detail
