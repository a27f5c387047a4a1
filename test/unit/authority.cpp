// Hosts and targets by the rules of RFC 3986 and RFC 9110.

#include "http1/authority.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using httpool::http1::is_host;
using httpool::http1::is_target;

BOOST_AUTO_TEST_CASE(a_host_is_a_name_or_an_address_with_or_without_a_port) {
  for (const char* const good :
       {"", "a", "A-b.c_d~e", "127.0.0.1", "a:80", "a:", "a%2Fb", "a%aFb", "[::1]", "[::1]:8080",
        "[fe80::1]", "[v1.a]", "[VaF.a:b]", "[v1.a!b]"})
    BOOST_TEST(is_host(good), good);
  for (const char* const bad :
       {"a b",   "a/b",    "a@b",       "a%",       "a%4",      "a%4g",   "a%g4",      "a:8x",
        "a:80:", "[::1",   "[::1]8080", "[::1]:x",  "[]",       "[:::]",  "[1.2.3.4]", "[v1.]",
        "[v.a]", "[vg.a]", "[1.a]",     "[v1.%41]", "[v1.a b]", "[x1.a]", "[v1a]"})
    BOOST_TEST(!is_host(bad), bad);
  BOOST_TEST(!is_host("[" + std::string(80, '0') + "::]"), "no address is so long");
}

BOOST_AUTO_TEST_CASE(a_target_has_the_form_that_its_method_allows) {
  for (const char* const good :
       {"/", "/a?b", "http://a", "HTTPS://a:1/b", "http://a?b", "ftp:x", "a+b-c.1:x"})
    BOOST_TEST(is_target("GET", good), good);
  for (const char* const bad : {"", "*", "a", "/a#b", "/a b", ":x", "x:", "1x:y", "a_b:c", "http:a",
                                "http:///b", "http://a@b/", "http://:80/", "https:/a"})
    BOOST_TEST(!is_target("GET", bad), bad);
  BOOST_TEST(is_target("OPTIONS", "*"));
  for (const char* const good : {"a:80", "[::1]:443"})
    BOOST_TEST(is_target("CONNECT", good), good);
  for (const char* const bad : {"a", "a:", ":80", "/", "a:80/", "[::1"})
    BOOST_TEST(!is_target("CONNECT", bad), bad);
}
