/// \file
/// A certificate, with the key that belongs to it.
#pragma once

#include <string>

namespace httpool {

/// The lowest and the highest version of TLS to speak. TLS 1.0 and 1.1 are not spoken at all
/// (RFC 8996).
enum class tls_version {
  tls_1_2 = 12, ///< RFC 5246.
  tls_1_3 = 13, ///< RFC 8446.
};

/// By what one side of a connection proves who it is. Either both file names are set, or both
/// texts are.
struct tls_certificate {
  /// The file that holds the certificate and then those that lead from it to the root, which may be
  /// left out, in PEM.
  std::string chain_file = {};

  /// The file that holds the private key of the first of them, in PEM.
  std::string key_file = {};

  /// The same as a text, instead of `chain_file`.
  std::string chain_pem = {};

  /// The same as a text, instead of `key_file`.
  std::string key_pem = {};

  /// What the private key is encrypted with, if it is.
  std::string key_password = {};
};

} // namespace httpool
