#include "pool/strand.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>

namespace httpool::detail {

namespace asio = boost::asio;
using plain = asio::io_context::executor_type;

asio::any_io_executor strand_of(const asio::any_io_executor& executor) {
  if (executor.target<asio::strand<plain>>())
    return executor;
  if (const auto* const of_context = executor.target<plain>())
    return asio::make_strand(*of_context);
  return asio::make_strand(executor);
}

asio::any_io_executor beneath_strand(const asio::any_io_executor& executor) {
  if (const auto* const strand = executor.target<asio::strand<plain>>())
    return strand->get_inner_executor();
  return executor;
}

} // namespace httpool::detail
