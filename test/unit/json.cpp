// JSON in messages, and what is none.

#include <httpool/json.hpp>

#include <boost/json/error.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <string>

namespace json = boost::json;
using boost::system::error_code;
using httpool::parse_json;
using httpool::set_json;

BOOST_AUTO_TEST_CASE(json_is_set_with_its_media_type_and_parsed_again) {
  const json::value content = {{"item", 7}, {"tags", {"a", "\xc3\xa4\n"}}, {"none", nullptr}};
  httpool::request order("POST", "/orders");
  order.fields().add("content-type", "text/plain");
  order.fields().add("X-Kept", "1");
  order.body("old");
  set_json(order, content);
  BOOST_TEST(order.fields().count("Content-Type") == 1u);
  BOOST_TEST(order.fields().value("Content-Type") == "application/json");
  BOOST_TEST(order.fields().value("X-Kept") == "1");
  BOOST_TEST(order.target() == "/orders");
  BOOST_TEST((parse_json(order) == content));

  httpool::response answer(201);
  set_json(answer, content);
  BOOST_TEST(answer.status() == 201u);
  BOOST_TEST(answer.fields().value("Content-Type") == "application/json");
  BOOST_TEST((parse_json(answer) == content));
}

BOOST_AUTO_TEST_CASE(json_may_be_written_in_place) {
  httpool::request order("POST", "/orders");
  set_json(order, {{"item", 7}, {"count", 2}});
  BOOST_TEST(order.body() == R"({"item":7,"count":2})");
}

BOOST_AUTO_TEST_CASE(a_body_that_is_no_json_is_an_error_in_both_forms) {
  for (const std::string body : {"", "{", "{} x", "{'a':1}", "\xff", "[1,]"}) {
    const httpool::response answer(200, body, "application/json");
    error_code ec;
    BOOST_TEST(parse_json(answer, ec).is_null());
    BOOST_TEST(ec.failed());
    BOOST_CHECK_THROW(parse_json(answer), boost::system::system_error);
    httpool::request asked("POST", "/");
    asked.body(body);
    error_code same;
    BOOST_TEST(parse_json(asked, same).is_null());
    BOOST_TEST(same == ec);
    BOOST_CHECK_THROW(parse_json(asked), boost::system::system_error);
  }
}

BOOST_AUTO_TEST_CASE(an_error_of_an_earlier_call_is_cleared) {
  error_code ec = json::error::syntax;
  BOOST_TEST((parse_json(httpool::response(200, "null", "text/plain"), ec).is_null()));
  BOOST_TEST(!ec);
}

BOOST_AUTO_TEST_CASE(a_bottomless_body_is_an_error) {
  const httpool::response deep(200, std::string(1'000'000, '['), "application/json");
  error_code ec;
  parse_json(deep, ec);
  BOOST_TEST((ec == error_code(json::error::too_deep)));
}

BOOST_AUTO_TEST_CASE(the_memory_of_a_value_is_the_callers_choice) {
  json::monotonic_resource memory;
  const httpool::response answer(200, "[1,2,3]", "application/json");
  error_code ec;
  BOOST_TEST(parse_json(answer, ec, &memory).storage().get() == &memory);
  BOOST_TEST(parse_json(answer, &memory).storage().get() == &memory);
}
