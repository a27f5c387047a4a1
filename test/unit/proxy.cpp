// Which proxies there are, and which origins are called through them.

#include <httpool/proxy_settings.hpp>
#include <httpool/url.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

using httpool::no_proxy_rules;
using httpool::origin;
using httpool::proxy;
using httpool::proxy_kind;
using httpool::proxy_settings;
using httpool::scheme;

namespace httpool {
std::ostream& boost_test_print_type(std::ostream& out, proxy_kind value) {
  return out << static_cast<int>(value);
}
} // namespace httpool

namespace {

template <class Action>
std::string refusal(Action action) {
  try {
    action();
    return {};
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
}

std::string refusal_of(const std::string& url) {
  return refusal([&] { proxy made(url); });
}

bool goes_direct(const std::string& rules, const std::string& url) {
  return no_proxy_rules(rules).matches(httpool::url(url).origin());
}

/// The environment without any variable that names a proxy, and afterwards as it was.
struct clean_environment {
  clean_environment() {
    for (const char* name : names) {
      if (const char* value = std::getenv(name))
        before[name] = value;
      unsetenv(name);
    }
  }
  ~clean_environment() {
    for (const char* name : names)
      before.count(name) ? setenv(name, before[name].c_str(), 1) : unsetenv(name);
  }

  static constexpr const char* names[] = {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
                                          "all_proxy",  "ALL_PROXY",  "no_proxy",    "NO_PROXY"};
  std::map<std::string, std::string> before;
};

void set(const char* name, const char* value) {
  setenv(name, value, 1);
}

std::string of(const std::optional<proxy>& which) {
  return which ? which->to_string() : "none";
}

} // namespace

BOOST_AUTO_TEST_CASE(a_proxy_is_taken_from_a_url) {
  struct row {
    std::string url;
    proxy_kind kind;
    std::string host;
    unsigned port;
    std::string text;
  };
  const std::vector<row> rows = {
      {"http://p.test", proxy_kind::http, "p.test", 80, "http://p.test:80"},
      {"HTTP://P.Test.:3128/", proxy_kind::http, "p.test", 3128, "http://p.test:3128"},
      {"http://p.test:", proxy_kind::http, "p.test", 80, "http://p.test:80"},
      {"https://p.test", proxy_kind::https, "p.test", 443, "https://p.test:443"},
      {"https://p.test:", proxy_kind::https, "p.test", 443, "https://p.test:443"},
      {"https://p.test:80", proxy_kind::https, "p.test", 80, "https://p.test:80"},
      {"socks5://127.0.0.1", proxy_kind::socks5, "127.0.0.1", 1080, "socks5://127.0.0.1:1080"},
      {"socks5h://[::1]", proxy_kind::socks5, "::1", 1080, "socks5://[::1]:1080"},
      {"socks5h://[::1]:9050/", proxy_kind::socks5, "::1", 9050, "socks5://[::1]:9050"},
      {"http://[fe80::1%25eth0]", proxy_kind::http, "fe80::1%eth0", 80,
       "http://[fe80::1%25eth0]:80"},
  };
  for (const row& each : rows) {
    BOOST_TEST_CONTEXT(each.url) {
      const proxy made(each.url);
      BOOST_TEST(made.kind() == each.kind);
      BOOST_TEST(made.host() == each.host);
      BOOST_TEST(made.port() == each.port);
      BOOST_TEST(!made.has_credentials());
      BOOST_TEST(made.to_string() == each.text);
      BOOST_TEST(proxy(made.to_string()).to_string() == each.text);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_credentials_of_a_proxy_are_decoded_and_never_shown) {
  const proxy both("http://us%65r:p%40%3a%25w:d@p.test:1");
  BOOST_TEST(both.has_credentials());
  BOOST_TEST(both.user() == "user");
  BOOST_TEST(both.password() == "p@:%w:d");
  BOOST_TEST(both.to_string() == "http://p.test:1");
  const proxy user_alone("http://user@p.test");
  BOOST_TEST(user_alone.has_credentials());
  BOOST_TEST(user_alone.user() == "user");
  BOOST_TEST(user_alone.password() == "");
  BOOST_TEST(proxy("http://@p.test").has_credentials());
  proxy late("socks5://p.test");
  late.credentials("a:b", std::string("\0\xff", 2));
  BOOST_TEST(late.user() == "a:b");
  BOOST_TEST(late.password().size() == 2u);
  BOOST_TEST(late.to_string() == "socks5://p.test:1080");
}

BOOST_AUTO_TEST_CASE(what_is_no_proxy_is_refused_and_no_refusal_shows_the_password) {
  const std::vector<std::string> urls = {
      "",
      "secret",
      "secret@p.test",
      "user:secret@p.test:80",
      "ftp://user:secret@p.test",
      "socks4://user:secret@p.test",
      "http:/user:secret@p.test",
      "http://user:secret",
      "http://user:secret@",
      "http://user:secret@:80",
      "http://user:secret@p.test:secret",
      "http://user:secret@p.test:0",
      "http://user:secret@p.test:65536",
      "http://user:secret@p.test:80x",
      "http://user:secret@p.test/path",
      "http://user:secret@p.test?query",
      "http://user:secret@p.test#fragment",
      "http://user:secret@p test",
      "http://user:secret@p.test\r\nA: b",
      "http://user:secret@[::1",
      "http://user:secret@::1",
      "http://user:secret@a..b",
      "http://user:secret %@p.test",
      "http://user:secret%4@p.test",
      "http://user:secret%zz@p.test",
      "http://user:secret@secret@p.test",
      "http://user:secret/@p.test",
      "http://us%3Aer:secret@p.test",
      "http://user:secret%0A@p.test",
      "http://user%00:secret@p.test",
      "socks5://user@p.test",
      "socks5://:secret@p.test",
      "socks5://user:secret" + std::string(250, 'x') + "@p.test",
      "socks5://" + std::string(256, 'u') + ":secret@p.test",
  };
  for (const std::string& url : urls) {
    const std::string text = refusal_of(url);
    BOOST_TEST(text.starts_with("httpool: a proxy"), url << ": " << text);
    BOOST_TEST(text.find("secret") == std::string::npos, text);
  }
  BOOST_TEST(refusal_of("socks5://" + std::string(255, 'u') + ':' + std::string(255, 'p') +
                        "@p.test") == "");
  BOOST_TEST(refusal_of("socks5://us%3Aer:%00@p.test") == "");
}

BOOST_AUTO_TEST_CASE(a_rule_names_the_origins_that_need_no_proxy) {
  struct row {
    const char* rules;
    const char* url;
    bool is_direct;
  };
  const std::vector<row> rows = {
      {"", "http://a.test", false},
      {" , ,,\t", "http://a.test", false},
      {"*", "http://a.test", true},
      {"*", "https://[::1]:8443", true},
      {"b.test, *", "http://a.test", true},
      // Names.
      {"a.test", "http://a.test", true},
      {"a.test", "https://a.test", true},
      {"A.Test.", "http://a.tEST.", true},
      {"a.test", "http://b.a.test", true},
      {"a.test", "http://c.b.a.test:81", true},
      {".a.test", "http://a.test", true},
      {".a.test", "http://b.a.test", true},
      {"*.a.test", "http://b.a.test", true},
      {"*.a.test", "http://a.test", true},
      {"a.test", "http://ba.test", false},
      {".a.test", "http://ba.test", false},
      {"a.test", "http://a.test.b", false},
      {"b.a.test", "http://a.test", false},
      {"test", "http://a.test", true},
      {"localhost", "http://localhost:8080", true},
      {"localhost", "http://127.0.0.1", false},
      {"b.test a.test", "http://a.test", true},
      {"b.test,,a.test", "http://a.test", true},
      {"b.test,\n a.test", "http://a.test", true},
      // Ports.
      {"a.test:80", "http://a.test", true},
      {"a.test:443", "https://a.test", true},
      {"a.test:443", "http://a.test", false},
      {".a.test:8080", "http://b.a.test:8080", true},
      {".a.test:8080", "http://b.a.test", false},
      {"10.0.0.1:8080", "http://10.0.0.1:8080", true},
      {"10.0.0.1:8080", "http://10.0.0.1", false},
      {"[::1]:8080", "http://[::1]:8080", true},
      {"[::1]:8080", "http://[::1]", false},
      // Addresses.
      {"10.0.0.1", "http://10.0.0.1", true},
      {"10.0.0.1", "http://10.0.0.2", false},
      {"10.0.0.1", "http://x.10.0.0.1", false},
      {"127.0.0.1", "http://127.1", true},
      {"10.0.0.1", "http://[::ffff:10.0.0.1]", true},
      {"::ffff:10.0.0.1", "http://10.0.0.1", true},
      {"::1", "http://[::1]", true},
      {"[::1]", "http://[0:0::1]", true},
      {"fe80::1", "http://[fe80::1%25eth0]", true},
      {"::1", "http://[::2]", false},
      // Ranges.
      {"10.0.0.0/8", "http://10.255.0.1", true},
      {"10.0.0.0/8", "http://11.0.0.1", false},
      {"10.1.2.3/8", "http://10.9.9.9", true},
      {"192.168.128.0/17", "http://192.168.128.1", true},
      {"192.168.128.0/17", "http://192.168.127.255", false},
      {"10.0.0.1/32", "http://10.0.0.1", true},
      {"10.0.0.1/32", "http://10.0.0.0", false},
      {"0.0.0.0/0", "http://8.8.8.8", true},
      {"0.0.0.0/0", "http://[::1]", false},
      {"0.0.0.0/0", "http://a.test", false},
      {"10.0.0.0/8", "http://[::ffff:10.2.3.4]", true},
      {"::ffff:10.0.0.0/104", "http://10.2.3.4", true},
      {"::ffff:10.0.0.0/104", "http://[::ffff:10.2.3.4]", true},
      {"::ffff:10.0.0.0/104", "http://11.0.0.1", false},
      {"::ffff:0:0/96", "http://8.8.8.8", true},
      {"fd00::/8", "http://[fdab::1]", true},
      {"fd00::/8", "http://[fe80::1]", false},
      {"2001:db8::/33", "http://[2001:db8:7fff::1]", true},
      {"2001:db8::/33", "http://[2001:db8:8000::1]", false},
      {"::1/128", "http://[::1]", true},
      {"fe80::/10", "http://[fe80::1%25eth0]", true},
      // A Unix-domain socket has no proxy anyway.
      {"*", "http+unix://%2Frun%2Fa.sock", false},
  };
  for (const row& each : rows)
    BOOST_TEST(goes_direct(each.rules, each.url) == each.is_direct,
               "\"" << each.rules << "\" for " << each.url);
}

BOOST_AUTO_TEST_CASE(a_rule_that_is_none_is_refused_with_its_text) {
  for (const char* rule : {"::ffff:10.0.0.0/95",
                           "10.0.0.0/33",
                           "10.0.0.0/",
                           "10.0.0.0/x",
                           "10.0.0.0/-1",
                           "10.0/8",
                           "fd00::/129",
                           "a.test/8",
                           "/8",
                           "fe80::1%eth0/64",
                           "a.test:",
                           "a.test:0",
                           "a.test:65536",
                           "a.test:x",
                           "[::1",
                           "[::1]x",
                           "a..test",
                           ".",
                           "*.",
                           "*:80",
                           "a.*.test",
                           "http://a.test",
                           "a@b"}) {
    const std::string text =
        refusal([&] { no_proxy_rules rules("fine.test, " + std::string(rule) + ", *"); });
    BOOST_TEST(text == "httpool: a rule of no_proxy is \"" + std::string(rule) +
                           "\", but must be *, a host, an IP address or a range of addresses");
  }
}

BOOST_AUTO_TEST_CASE(settings_tell_the_proxy_of_an_origin) {
  proxy_settings settings;
  BOOST_TEST(settings.proxy_for(origin("a.test")) == nullptr);
  settings.http = proxy("http://p.test");
  settings.https = proxy("socks5://q.test");
  settings.no_proxy = no_proxy_rules("b.test");
  BOOST_TEST(settings.proxy_for(origin("a.test")) == &*settings.http);
  BOOST_TEST(settings.proxy_for(origin(scheme::https, "a.test", 443)) == &*settings.https);
  BOOST_TEST(settings.proxy_for(origin("b.test")) == nullptr);
  BOOST_TEST(settings.proxy_for(origin(scheme::https, "x.b.test", 443)) == nullptr);
  BOOST_TEST(settings.proxy_for(origin::unix_socket("/run/a.sock")) == nullptr);
  settings.http.reset();
  BOOST_TEST(settings.proxy_for(origin("a.test")) == nullptr);
}

BOOST_AUTO_TEST_CASE(the_environment_says_which_proxies_there_are_to_whoever_asks_it) {
  const clean_environment clean;
  proxy_settings found = proxy_settings::from_environment();
  BOOST_TEST(of(found.http) == "none");
  BOOST_TEST(of(found.https) == "none");
  BOOST_TEST(found.no_proxy.empty());

  set("http_proxy", "http://a.test:1");
  set("https_proxy", "b.test:2");
  set("no_proxy", "c.test,.d.test");
  found = proxy_settings::from_environment();
  BOOST_TEST(of(found.http) == "http://a.test:1");
  BOOST_TEST(of(found.https) == "http://b.test:2");
  BOOST_TEST(found.no_proxy.matches(origin("x.d.test")));

  set("all_proxy", "socks5://user:word@e.test");
  found = proxy_settings::from_environment();
  BOOST_TEST(of(found.http) == "http://a.test:1");
  unsetenv("http_proxy");
  set("https_proxy", "");
  found = proxy_settings::from_environment();
  BOOST_TEST(of(found.http) == "socks5://e.test:1080");
  BOOST_TEST(of(found.https) == "socks5://e.test:1080");
  BOOST_TEST(found.http->password() == "word");
}

BOOST_AUTO_TEST_CASE(a_lower_case_variable_counts_more_and_http_proxy_in_upper_case_not_at_all) {
  const clean_environment clean;
  set("HTTP_PROXY", "http://attacker.test");
  set("HTTPS_PROXY", "http://upper.test");
  set("NO_PROXY", "upper.test");
  proxy_settings found = proxy_settings::from_environment();
  BOOST_TEST(of(found.http) == "none");
  BOOST_TEST(of(found.https) == "http://upper.test:80");
  BOOST_TEST(found.no_proxy.matches(origin("upper.test")));
  set("https_proxy", "http://lower.test");
  set("no_proxy", "lower.test");
  set("ALL_PROXY", "http://all.test");
  found = proxy_settings::from_environment();
  BOOST_TEST(of(found.http) == "http://all.test:80");
  BOOST_TEST(of(found.https) == "http://lower.test:80");
  BOOST_TEST(!found.no_proxy.matches(origin("upper.test")));
}

BOOST_AUTO_TEST_CASE(a_variable_that_makes_no_sense_is_named_but_a_password_in_it_is_not) {
  const clean_environment clean;
  set("https_proxy", "http://user:secret@a test");
  std::string text = refusal([] { proxy_settings::from_environment(); });
  BOOST_TEST(text.find("https_proxy") != std::string::npos);
  BOOST_TEST(text.find("secret") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_no_rule_in_the_environment_is_left_out_and_told) {
  const clean_environment clean;
  set("no_proxy", "192.168.*, a.test,<local> 169.254/16,b.test:*,[fd00::]/8");
  BOOST_TEST(proxy_settings::from_environment().skipped_rules.empty()); // there is no proxy
  set("https_proxy", "p.test");
  const proxy_settings found = proxy_settings::from_environment();
  BOOST_TEST(found.no_proxy.matches(origin("x.a.test")));
  BOOST_TEST(!found.no_proxy.matches(origin("b.test")));
  const std::vector<std::string> skipped = {"192.168.*", "<local>", "169.254/16", "b.test:*",
                                            "[fd00::]/8"};
  BOOST_TEST(found.skipped_rules == skipped, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_variable_that_is_not_needed_is_not_looked_at) {
  const clean_environment clean;
  set("http_proxy", "a.test");
  set("https_proxy", "b.test");
  set("all_proxy", "no proxy");
  BOOST_TEST(of(proxy_settings::from_environment().http) == "http://a.test:80");
}
