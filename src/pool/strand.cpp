#include "pool/strand.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>

namespace httpool::detail {

namespace asio = boost::asio;

asio::any_io_executor strand_of(const asio::any_io_executor& executor) {
  using plain = asio::io_context::executor_type;
  if (executor.target<asio::strand<plain>>())
    return executor;
  if (const auto* const of_context = executor.target<plain>())
    return asio::make_strand(*of_context);
  return asio::make_strand(executor);
}

} // namespace httpool::detail
