#include "service_b_tls.hpp"

#include <spdlog/spdlog.h>

#include <exception>

namespace service_b {
namespace {

httpool::tls_server_options options_of(const certificate_files& files) {
  httpool::tls_server_options options;
  for (std::size_t i = 0; i < files.chains.size(); ++i) {
    httpool::tls_certificate& each = options.certificates.emplace_back();
    each.chain_file = files.chains[i];
    each.key_file = files.keys[i];
  }
  options.client_ca_file = files.client_ca;
  return options;
}

} // namespace

std::shared_ptr<httpool::tls_server> encrypt(const certificate_files& files) {
  return files.chains.empty() ? nullptr : httpool::tls_server::create(options_of(files));
}

void reload_on(boost::asio::signal_set& signals, httpool::tls_server& tls,
               const certificate_files& files) {
  signals.async_wait([&](boost::system::error_code ec, int) {
    if (ec)
      return;
    try {
      tls.reload(options_of(files));
      spdlog::info("the certificates have been read again");
    } catch (const std::exception& failed) {
      spdlog::error("the old certificates stay: {}", failed.what());
    }
    reload_on(signals, tls, files);
  });
}

} // namespace service_b
