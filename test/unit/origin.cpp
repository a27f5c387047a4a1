// Which origins are the same, and what they are called on the wire and in a log.

#include <httpool/origin.hpp>

#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <string>
#include <unordered_set>
#include <vector>

using httpool::origin;
using httpool::scheme;

namespace httpool {
std::ostream& boost_test_print_type(std::ostream& out, const origin& value) {
  return out << value.to_string();
}
std::ostream& boost_test_print_type(std::ostream& out, scheme value) {
  return out << static_cast<int>(value);
}
} // namespace httpool

namespace {

struct pair {
  origin a;
  origin b;
};

/// What the constructor says of a value, or nothing if it takes it.
template <class... Arguments>
std::string refusal(const Arguments&... arguments) {
  try {
    const origin made(arguments...);
    return {};
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
}

std::string socket_refusal(std::string_view path) {
  try {
    origin::unix_socket(path);
    return {};
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(scar_73_different_spellings_of_one_origin_are_equal) {
  const std::vector<pair> pairs = {
      {origin("a.test"), origin("a.test", 80)},
      {origin("A.Test", 8080), origin("a.tEST", 8080)},
      {origin("a.test."), origin("a.test")},
      {origin("A."), origin("a")},
      {origin(), origin("LOCALHOST.", 80)},
      {origin("::1"), origin("[::1]")},
      {origin("::1"), origin("0:0:0:0:0:0:0:1")},
      {origin("2001:DB8::A"), origin("[2001:0db8:0000::000a]")},
      {origin("2001:db8:0:0:1:0:0:1"), origin("2001:db8::1:0:0:1")},
      {origin("::ffff:10.0.0.1"), origin("::FFFF:0a00:0001")},
      {origin("fe80::1%eth0"), origin("[FE80:0::1%eth0]")},
      {origin("127.0.0.1"), origin("127.0.0.1.")},
      {origin("127.0.0.1"), origin("127.1")},
      {origin("127.0.0.1"), origin("2130706433")},
      {origin("127.0.0.1"), origin("0x7F.0.0.1")},
      {origin("127.0.0.1"), origin("0177.0.0.01")},
      {origin::unix_socket("/run/a.sock"), origin::unix_socket("/run/a.sock")},
  };
  for (const auto& [a, b] : pairs) {
    BOOST_TEST(a == b);
    BOOST_TEST(std::hash<origin>()(a) == std::hash<origin>()(b));
    BOOST_TEST(a.authority() == b.authority());
    BOOST_TEST(a.to_string() == b.to_string());
  }
}

BOOST_AUTO_TEST_CASE(scar_64_what_differs_in_any_part_is_another_origin) {
  const std::vector<origin> all = {
      origin("a.test"),
      origin("a.test", 443),
      origin("a.test", 8080),
      origin("b.test"),
      origin("www.a.test"),
      origin("a"),
      origin("localhost"),
      origin("127.0.0.1"),
      origin("127.0.0.2"),
      origin("::1"),
      origin("::2"),
      origin("::ffff:127.0.0.1"),
      origin("fe80::1"),
      origin("fe80::1%eth0"),
      origin("fe80::1%eth1"),
      origin("fe80::1%ETH0"),
      origin("fe80::1%2"),
      origin("fe80::2%eth0"),
      origin("fe80::1%eth0", 8080),
      origin::unix_socket("/run/a.sock"),
      origin::unix_socket("/run/A.sock"),
      origin::unix_socket("/run/a.sock."),
      origin::unix_socket("/a.test"),
  };
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = 0; j < all.size(); ++j)
      BOOST_TEST((all[i] == all[j]) == (i == j), all[i].to_string() << " " << all[j].to_string());
  BOOST_TEST(std::unordered_set<origin>(all.begin(), all.end()).size() == all.size());
}

BOOST_AUTO_TEST_CASE(an_origin_tells_its_parts) {
  const origin tcp("[FE80::1%eth0]", 8080);
  BOOST_TEST(tcp.scheme() == scheme::http);
  BOOST_TEST(tcp.host() == "fe80::1%eth0");
  BOOST_TEST(tcp.port() == 8080);
  BOOST_TEST(tcp.socket_path() == "");
  const origin local = origin::unix_socket("/run/a.sock");
  BOOST_TEST(local.scheme() == scheme::http_unix);
  BOOST_TEST(local.host() == "");
  BOOST_TEST(local.port() == 0);
  BOOST_TEST(local.socket_path() == "/run/a.sock");
}

BOOST_AUTO_TEST_CASE(the_authority_is_what_a_host_field_says) {
  BOOST_TEST(origin("A.test.").authority() == "a.test");
  BOOST_TEST(origin("a.test", 81).authority() == "a.test:81");
  BOOST_TEST(origin("10.0.0.1", 8080).authority() == "10.0.0.1:8080");
  BOOST_TEST(origin("2001:DB8::1").authority() == "[2001:db8::1]");
  BOOST_TEST(origin("fe80::1%eth0", 8080).authority() == "[fe80::1]:8080");
  BOOST_TEST(origin::unix_socket("/run/a.sock").authority() == "localhost");
}

BOOST_AUTO_TEST_CASE(an_origin_is_written_as_a_url) {
  BOOST_TEST(origin().to_string() == "http://localhost");
  BOOST_TEST(origin("a.test", 8080).to_string() == "http://a.test:8080");
  BOOST_TEST(origin("::1").to_string() == "http://[::1]");
  BOOST_TEST(origin("fe80::1%eth0", 81).to_string() == "http://[fe80::1%25eth0]:81");
  BOOST_TEST(origin::unix_socket("/run/a b.sock").to_string() == "http+unix://%2Frun%2Fa%20b.sock");
}

BOOST_AUTO_TEST_CASE(a_host_that_is_none_is_refused_with_its_value) {
  const std::vector<std::string> hosts = {
      "",        ".",       "..",       ".a",         "a..",           "a..b",
      "a b",     "a\tb",    "a/b",      "a?b",        "a#b",           "a@b",
      "a:80",    "a\r\nb",  "a%41",     "a\\b",       "\xc3\xa4.test", "[",
      "]",       "[]",      "[a.test]", "[10.0.0.1]", "[::1",          "::1]",
      "[::1]x",  "[[::1]]", ":::",      "1:2:3",      "::1%",          "::1%a b",
      "::1%a%b", "::1%a]",  "[v1.a]",   "::12345",    "http://a",      "::1.2.3.400",
      "a\x7f",   "a_b\x80", "[::1]:80",
  };
  for (const std::string& host : hosts)
    BOOST_TEST(refusal(host) ==
               "httpool: host is \"" + host + "\", but must be a name or an IP address");
  BOOST_TEST(refusal(std::string_view("a\0b", 3)).find("\"a\\0b\"") != std::string::npos);
  BOOST_TEST(refusal(scheme{7}, "a.test", std::uint16_t{80}) ==
             "httpool: scheme is 7, but must be scheme::http or scheme::https");
  BOOST_TEST(refusal("a.test", std::uint16_t{0}) ==
             "httpool: port is 0, but must be from 1 to 65535");
  const std::string endless = refusal(std::string(1'000'000, ' '));
  BOOST_TEST(!endless.empty());
  BOOST_TEST(endless.size() < 1000u);
}

BOOST_AUTO_TEST_CASE(names_that_resolvers_know_are_taken) {
  for (const char* host :
       {"a", "a-b.test", "_srv._tcp.a.test", "xn--bcher-kva.test", "1.2.3.4.5", "256.0.0.1", "a.1"})
    BOOST_TEST(origin(host).host() == host);
}

BOOST_AUTO_TEST_CASE(a_socket_path_that_is_none_is_refused_with_its_value) {
  for (const std::string path : {"", "a.sock", "./a.sock", "~/a.sock"})
    BOOST_TEST(socket_refusal(path) == "httpool: the path of a socket is \"" + path +
                                           "\", but must be absolute and without NUL");
  BOOST_TEST(socket_refusal(std::string_view("/a\0b", 4)).find("\"/a\\0b\"") != std::string::npos);
  BOOST_TEST(socket_refusal(std::string_view("\0a", 2)) != "");
  BOOST_TEST(socket_refusal('/' + std::string(106, 'a')) == "");
  BOOST_TEST(socket_refusal('/' + std::string(107, 'a')) != "");
}

BOOST_AUTO_TEST_CASE(an_origin_made_of_the_parts_of_another_is_equal_to_it) {
  for (const origin& one : {origin(), origin("A.test.", 8080), origin("fe80::1%eth0"),
                            origin("0x7f.1", 81), origin("::ffff:1.2.3.4")})
    BOOST_TEST(origin(one.host(), one.port()) == one);
}
