// The certificates that ServiceB shows, from files that may be renewed while it runs.
#pragma once

#include <httpool/tls_server.hpp>

#include <boost/asio/signal_set.hpp>

#include <memory>
#include <string>
#include <vector>

namespace service_b {

struct certificate_files {
  std::vector<std::string> chains;
  std::vector<std::string> keys; // as many
  std::string client_ca;         // empty: clients are not asked for certificates
};

// Null if no certificates are named. Throws if a file is not what it should be.
std::shared_ptr<httpool::tls_server> encrypt(const certificate_files& files);

// Reads the files again at every signal, until the signals are cancelled.
void reload_on(boost::asio::signal_set& signals, httpool::tls_server& tls,
               const certificate_files& files);

} // namespace service_b
