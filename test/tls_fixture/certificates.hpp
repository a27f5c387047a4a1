// Certificates that tests make for themselves, at the time when they run.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace httpool_test::tls {

/// A certificate with what stands between it and the root, and its key; in PEM.
struct identity {
  std::string chain_pem;
  std::string key_pem;
};

enum class purpose { server, client };

struct issue_options {
  std::chrono::seconds not_before = -std::chrono::hours(1); ///< From now.
  std::chrono::seconds not_after = std::chrono::hours(24);  ///< From now.
  purpose is_for = purpose::server;
  bool is_self_signed = false;
  bool has_names = true;         ///< If not, only the subject's common name says who it is.
  bool names_key = true;         ///< Whether it says by which key of its issuer it was signed.
  bool has_authority = true;     ///< Whether the chain holds the intermediate authorities.
  std::string key_password = {}; ///< If not empty, the key is encrypted with it.
};

/// Whoever issues certificates: a root, or an authority below one. Not thread-safe.
class authority {
public:
  /// A root.
  explicit authority(std::string name = "test root");

  /// The certificate to be trusted: that of the root at the top.
  const std::string& root_pem() const;

  /// The first name is the subject's common name, too. Each gets a key of its own.
  identity issue(const std::vector<std::string>& dns_names_or_addresses,
                 const issue_options& options = {}) const;

  /// The list of what this authority has revoked; `next_update` is from now.
  std::string crl_pem(const std::vector<identity>& revoked = {},
                      std::chrono::seconds next_update = std::chrono::hours(24)) const;

  /// An authority whose certificate this one has issued.
  authority intermediate(const std::string& name = "test intermediate") const;

private:
  struct state;
  explicit authority(std::shared_ptr<const state> made) : state_(std::move(made)) {}

  std::shared_ptr<const state> state_;
};

/// A key that is for no certificate, and of another algorithm than theirs; in PEM.
std::string key_of_another_kind();

/// The SHA-256 of the public key of the first certificate, in base64 (RFC 7469 §2.4).
std::string pin_of(const std::string& certificate_pem);

} // namespace httpool_test::tls
