#include "service_a_tls.hpp"

#include <iostream>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace service_a {
namespace {

/// Tells what there is to tell once, whichever of the pools' threads says it.
class rejections {
public:
  void tell(std::string_view host, std::string_view reason) {
    const std::lock_guard lock(mutex_);
    if (told_.emplace(host, reason).second)
      std::cerr << "service_a: the certificate of " << host << " is not accepted: " << reason
                << '\n';
  }

private:
  std::mutex mutex_;
  std::set<std::pair<std::string, std::string>> told_;
};

} // namespace

std::shared_ptr<httpool::tls_client> make_tls(const tls_flags& given) {
  httpool::tls_options wanted;
  wanted.verify_peer = !given.insecure;
  wanted.ca_file = given.cacert;
  wanted.trust_system = given.cacert.empty();
  if (!given.cert.empty()) {
    wanted.certificate.emplace();
    wanted.certificate->chain_file = given.cert;
    wanted.certificate->key_file = given.key.empty() ? given.cert : given.key;
  }
  wanted.on_rejected = [told = std::make_shared<rejections>()](auto host, auto reason) {
    told->tell(host, reason);
  };
  if (given.insecure)
    std::cerr << "service_a: --insecure: anybody may pose as the server\n";
  try {
    return httpool::tls_client::create(std::move(wanted));
  } catch (const std::invalid_argument& e) {
    throw usage_error(std::string("--cacert, --cert or --key: ") + e.what());
  }
}

} // namespace service_a
