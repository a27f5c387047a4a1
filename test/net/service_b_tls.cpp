// ServiceB with certificates.

#include "net/server_tls_fixture.hpp"
#include "net/service_b_fixture.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace server_test;

namespace {

// A folder that goes with its test.
class folder {
public:
  folder() {
    std::string name = (std::filesystem::temp_directory_path() / "httpool-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~folder() { std::filesystem::remove_all(path_); }

  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;

  std::string write(const std::string& name, const std::string& text) const {
    const std::string file = (path_ / name).string();
    std::ofstream(file) << text;
    return file;
  }

private:
  std::filesystem::path path_;
};

const fixture::identity first = root.issue({"first.test"});
const fixture::identity second = root.issue({"second.test"});

bool shows(const tcp::endpoint& at, const char* named, const char* host) {
  tls_clients clients(root.root_pem());
  return tls_client_peer(at, clients, named).is_shown(host);
}

} // namespace

BOOST_AUTO_TEST_CASE(it_shows_the_certificate_asked_for_and_reads_the_files_again_on_sighup) {
  const folder files;
  const std::string cert = files.write("1.pem", first.chain_pem);
  const std::string key = files.write("1.key", first.key_pem);
  program service({"--port", "0", "--cert", cert, "--key", key, "--cert",
                   files.write("2.pem", second.chain_pem), "--key",
                   files.write("2.key", second.key_pem)});
  const tcp::endpoint at = service.endpoint();
  tls_clients clients(root.root_pem());
  tls_client_peer peer(at, clients, "first.test");
  BOOST_TEST(peer.get("/").body() == "Hello, World!");
  BOOST_TEST(shows(at, "second.test", "second.test"));

  const fixture::identity third = root.issue({"third.test"});
  files.write("1.pem", third.chain_pem);
  service.signal(SIGHUP);
  const std::string trouble = service.log_line();
  BOOST_TEST(trouble.find("[error] the old certificates stay") != std::string::npos, trouble);
  BOOST_TEST(trouble.find("1.key") != std::string::npos, trouble);
  BOOST_TEST(shows(at, "third.test", "first.test"));

  files.write("1.key", third.key_pem);
  service.signal(SIGHUP);
  const std::string success = service.log_line();
  BOOST_TEST(success.find("certificates have been read again") != std::string::npos, success);
  BOOST_TEST(shows(at, "third.test", "third.test"));
  BOOST_TEST(peer.get("/").body() == "Hello, World!");

  service.signal(SIGTERM);
  BOOST_TEST(peer.at_end());
  BOOST_TEST(service.wait().status == 0);
}

BOOST_AUTO_TEST_CASE(it_requires_certificates_of_clients_if_it_is_given_their_roots) {
  const folder files;
  program service({"--port", "0", "--log-level", "off", "--cert",
                   files.write("1.pem", first.chain_pem), "--key",
                   files.write("1.key", first.key_pem), "--client-ca",
                   files.write("ca.pem", root.root_pem())});
  const tcp::endpoint at = service.endpoint();
  fixture::issue_options options;
  options.is_for = fixture::purpose::client;
  tls_clients known(root.root_pem());
  known.present(root.issue({"alice"}, options));
  BOOST_TEST(tls_client_peer(at, known).get("/").status() == 200u);
  tls_clients unknown(root.root_pem());
  tls_client_peer refused(at, unknown);
  BOOST_TEST((refused.failure() || !refused.read_some()));
  service.signal(SIGTERM);
  BOOST_TEST(service.wait().status == 0);
}

BOOST_AUTO_TEST_CASE(bad_usage_is_one_line_and_the_usage_on_stderr_and_exit_2) {
  const std::vector<std::vector<std::string>> bad{
      {"--cert", "a"},
      {"--key", "a"},
      {"--cert", "a", "--key", "b", "--key", "c"},
      {"--cert", "", "--key", "b"},
      {"--client-ca", "a"},
      {"--cert", "a", "--key", "b", "--client-ca", ""},
  };
  for (const std::vector<std::string>& arguments : bad) {
    program service(arguments);
    const auto [status, out, err] = service.wait();
    BOOST_TEST(status == 2, arguments.front());
    BOOST_TEST(out == "");
    BOOST_TEST(is_line_and_usage(err), err);
  }
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_read_is_bad_usage) {
  const auto [status, out, err] =
      program({"--port", "0", "--cert", "/nonexistent.pem", "--key", "/nonexistent.key"}).wait();
  BOOST_TEST(status == 2);
  BOOST_TEST(out == "");
  BOOST_TEST(is_line_and_usage(err), err);
  BOOST_TEST(err.find("/nonexistent.pem") != std::string::npos, err);
}
