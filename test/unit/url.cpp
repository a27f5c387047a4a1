// What URLs are taken apart into, and what each mistake in one is called.

#include <httpool/error.hpp>
#include <httpool/url.hpp>

#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>
#include <vector>

using boost::system::error_code;
using httpool::error;
using httpool::origin;
using httpool::parse_url;
using httpool::url;

namespace httpool {
std::ostream& boost_test_print_type(std::ostream& out, const origin& value) {
  return out << value.to_string();
}
std::ostream& boost_test_print_type(std::ostream& out, const url& value) {
  return out << value.to_string();
}
} // namespace httpool

namespace {

struct good {
  std::string text;
  httpool::origin where;
  std::string target;
};

struct bad {
  error why;
  std::string text;
};

error_code error_of(std::string_view text) {
  const auto parsed = parse_url(text);
  return parsed ? error_code() : parsed.error();
}

const std::vector<good>& good_urls() {
  static const std::vector<good> all = {
      {"http://a.test", origin("a.test"), "/"},
      {"http://a.test/", origin("a.test"), "/"},
      {"http://127.0.0.1.nip.test/x", origin("127.0.0.1.nip.test"), "/x"},
      {"http://1.2.3.4x:81", origin("1.2.3.4x", 81), "/"},
      {"http://4.test?q=@1", origin("4.test"), "/?q=@1"},
      {"HTTP://A.TEST./x", origin("a.test"), "/x"},
      {"http://a.test:8080/a/b?c=d&e", origin("a.test", 8080), "/a/b?c=d&e"},
      {"http://a.test:080/", origin("a.test"), "/"},
      {"http://a.test:00000000008080/", origin("a.test", 8080), "/"},
      {"http://a.test:65535/", origin("a.test", 65535), "/"},
      {"http://a.test:1", origin("a.test", 1), "/"},
      {"http://a.test:/", origin("a.test"), "/"},
      {"http://a.test:", origin("a.test"), "/"},
      {"http://a.test?q", origin("a.test"), "/?q"},
      {"http://a.test?", origin("a.test"), "/?"},
      {"http://a.test#f", origin("a.test"), "/"},
      {"http://a.test/x?q#f?g/h", origin("a.test"), "/x?q"},
      {"http://a.test/?a?b/c:d@e", origin("a.test"), "/?a?b/c:d@e"},
      {"http://a.test//b//", origin("a.test"), "//b//"},
      {"http://a.test/a/../b/./c", origin("a.test"), "/a/../b/./c"},
      {"http://a.test/%E4%BD%A0%20%2f", origin("a.test"), "/%E4%BD%A0%20%2f"},
      {"http://a.test/http://b@c:d/", origin("a.test"), "/http://b@c:d/"},
      {"http://127.0.0.1:81/x", origin("127.0.0.1", 81), "/x"},
      {"http://0x7f.1/", origin("127.0.0.1"), "/"},
      {"http://[::1]/x", origin("::1"), "/x"},
      {"http://[2001:DB8::1]:8080?q", origin("2001:db8::1", 8080), "/?q"},
      {"http://[fe80::1%25eth0]/x", origin("fe80::1%eth0"), "/x"},
      {"http://[FE80::1%25eth0.7]:81", origin("fe80::1%eth0.7", 81), "/"},
      {"http://xn--bcher-kva.test/", origin("xn--bcher-kva.test"), "/"},
      {"http+unix://%2Frun%2Fa.sock", origin::unix_socket("/run/a.sock"), "/"},
      {"HTTP+UNIX://%2frun%2Fa%20b.sock/x?q#f", origin::unix_socket("/run/a b.sock"), "/x?q"},
  };
  return all;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_url_is_taken_apart_into_origin_and_target) {
  for (const good& row : good_urls()) {
    BOOST_TEST_CONTEXT(row.text) {
      const auto parsed = parse_url(row.text);
      BOOST_TEST_REQUIRE(parsed.has_value());
      BOOST_TEST(parsed->origin() == row.where);
      BOOST_TEST(parsed->target() == row.target);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_url_in_normal_form_gives_itself_again) {
  for (const good& row : good_urls()) {
    const url once(row.text);
    BOOST_TEST(url(once.to_string()) == once);
    BOOST_TEST(url(once.to_string()).to_string() == once.to_string());
  }
}

BOOST_AUTO_TEST_CASE(each_mistake_in_a_url_has_an_error_of_its_own) {
  const std::vector<bad> all = {
      {error::invalid_url, ""},
      {error::invalid_url, "a.test"},
      {error::invalid_url, "a.test/x"},
      {error::invalid_url, "/x"},
      {error::invalid_url, "//a.test/"},
      {error::invalid_url, "://a.test/"},
      {error::invalid_url, "1http://a.test/"},
      {error::invalid_url, " http://a.test/"},
      {error::invalid_url, "http://a.test/ "},
      {error::invalid_url, "http://a.test/a b"},
      {error::invalid_url, "http://a b.test/"},
      {error::invalid_url, "http://a.test/?a b"},
      {error::invalid_url, "http://a.test/#a b"},
      {error::invalid_url, "http://a.test/\t"},
      {error::invalid_url, "http://a.test/\r\nX: y"},
      {error::invalid_url, "http://a.test\r\n/"},
      {error::invalid_url, "http://a.test/\x7f"},
      {error::invalid_url, std::string("http://a.test/\0", 15)},
      {error::invalid_url, std::string("http://a.\0test/", 15)},
      {error::invalid_url, std::string("http://a.test\0.b.test/", 22)},
      {error::invalid_url, "http://b\xc3\xbc"
                           "cher.test/"},
      {error::invalid_url, "http://a.test/\xc3\xbc"},
      {error::invalid_url, "http://b%C3%BCcher.test/"},
      {error::invalid_url, "http://a%2etest/"},
      {error::invalid_url, "http://%3A%3A1/"},
      {error::invalid_url, "http://a%00.test/"},
      {error::invalid_url, "http://a.test/[x%25]"},
      {error::invalid_url, "http://[::1]/a]%25b"},
      {error::invalid_url, "http://a.test/://[::1%25b]"},
      {error::invalid_url, "http://a.test/%"},
      {error::invalid_url, "http://a.test/%4"},
      {error::invalid_url, "http://a.test/%gg"},
      {error::invalid_url, "http://a.test/{|}"},
      {error::invalid_url, "http://a.test/\\"},
      {error::invalid_url, "http:\\\\a.test/"},
      {error::invalid_url, "http://a..test/"},
      {error::invalid_url, "http://.../"},
      {error::invalid_url, "http://::1/"},
      {error::invalid_url, "http://fe80::1/"},
      {error::invalid_url, "http://[::1/"},
      {error::invalid_url, "http://[]/"},
      {error::invalid_url, "http://[a.test]/"},
      {error::invalid_url, "http://[::1]x/"},
      {error::invalid_url, "http://[v1.a]/"},
      {error::invalid_url, "http://[fe80::1%eth0]/"},
      {error::invalid_url, "http://[fe80::1%25]/"},
      {error::invalid_url, "http://[fe80::1%25a%20b]/"},
      {error::invalid_url, "http://[fe80::1%25a b]/"},
      {error::invalid_url, "http://[fe80::1%25a\r\n]/"},
      {error::invalid_url, "http://[v1.a%25b]/"},
      {error::invalid_url, "http+unix://a.sock/"},
      {error::invalid_url, "http+unix://run/a.sock"},
      {error::invalid_url, "http+unix://%2Frun%00/"},
      {error::invalid_url, "http+unix://[::1]/"},
      {error::invalid_url, "http+unix://%2F" + std::string(200, 'a')},
      {error::unsupported_scheme, "ftp://a.test/"},
      {error::unsupported_scheme, "httpx://a.test/"},
      {error::unsupported_scheme, "https+unix://%2Frun%2Fa.sock/"},
      {error::url_with_credentials, "https://user:secret@a.test/"},
      {error::url_without_host, "https:///"},
      {error::invalid_port, "https://a.test:0/"},
      {error::unsupported_scheme, "mailto:a@a.test"},
      {error::unsupported_scheme, "a.test:80"},
      {error::url_with_credentials, "http://user:secret@a.test/"},
      {error::url_with_credentials, "http://user@a.test:80/"},
      {error::url_with_credentials, "http://@a.test/"},
      {error::url_with_credentials, "http://:@a.test/"},
      {error::url_with_credentials, "http://user@/"},
      {error::url_with_credentials, "http+unix://user@%2Frun%2Fa.sock/"},
      {error::url_without_host, "http:"},
      {error::url_without_host, "http:/x"},
      {error::url_without_host, "http:a.test"},
      {error::url_without_host, "http://"},
      {error::url_without_host, "http:///x"},
      {error::url_without_host, "http://:80/"},
      {error::url_without_host, "http://?q"},
      {error::url_without_host, "http+unix:///run/a.sock"},
      {error::invalid_port, "http://a.test:0/"},
      {error::invalid_port, "http://a.test:00/"},
      {error::invalid_port, "http://a.test:65536/"},
      {error::invalid_port, "http://a.test:99999999999999999999999/"},
      {error::invalid_port, "http://a.test:8o80/"},
      {error::invalid_port, "http://a.test:-1/"},
      {error::invalid_port, "http://a.test:+80/"},
      {error::invalid_port, "http://a.test:http/"},
      {error::invalid_port, "http://a.test: 80/"},
      {error::invalid_port, "http://[::1]:x/"},
      {error::invalid_port, "http://[fe80::1%25eth0]:70000/"},
      {error::invalid_port, "http+unix://%2Frun%2Fa.sock:80/"},
      {error::invalid_port, "http+unix://%2Frun%2Fa.sock:/"},
  };
  for (const bad& row : all)
    BOOST_TEST(error_of(row.text) == error_code(row.why), row.text << ": " << error_of(row.text));
}

BOOST_AUTO_TEST_CASE(a_url_of_any_length_is_judged) {
  const std::string path(1'000'000, 'x');
  BOOST_TEST(url("http://a.test/" + path).target().size() == path.size() + 1);
  BOOST_TEST(error_of("http://a.test/" + path + ' ') == error_code(error::invalid_url));
  BOOST_TEST(error_of(path) == error_code(error::invalid_url));
  BOOST_TEST(error_of("http://[fe80::1%25" + path) == error_code(error::invalid_url));
  BOOST_TEST(error_of("http://a.test:" + std::string(1'000'000, '1')) ==
             error_code(error::invalid_port));
}

BOOST_AUTO_TEST_CASE(no_text_makes_the_parser_do_worse_than_refuse) {
  const std::string_view alphabet("htp:/+unix[]%25@.?#a0 \0\xff", 24);
  std::uint64_t random = 1;
  for (int i = 0; i < 100'000; ++i) {
    std::string text = i % 2 ? "http://" : "";
    for (std::uint64_t n = random % 16; n > 0; --n) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      text += alphabet[(random >> 33) % alphabet.size()];
    }
    if (const auto parsed = parse_url(text)) {
      const auto again = parse_url(parsed->to_string());
      BOOST_TEST((again && *again == *parsed), text);
    }
    random = random * 6364136223846793005u + 1442695040888963407u;
  }
}

BOOST_AUTO_TEST_CASE(the_throwing_form_names_the_mistake_and_not_the_url) {
  try {
    const url none("http://user:secret@a.test/");
    BOOST_ERROR("was taken");
  } catch (const boost::system::system_error& e) {
    BOOST_TEST(e.code() == error_code(error::url_with_credentials));
    BOOST_TEST(std::string(e.what()).find("secret") == std::string::npos);
  }
  BOOST_TEST(url().to_string() == "http://localhost/");
}
