#include <httpool/error.hpp>
#include <httpool/request.hpp>
#include <httpool/response.hpp>

#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

using httpool::fields;
using httpool::http_version;
using httpool::request;
using httpool::response;

namespace {

std::string all_of(const fields& lines) {
  std::string text;
  for (const httpool::field line : lines)
    text.append(line.name).append("=").append(line.value).append(";");
  return text;
}

bool is_invalid(const boost::system::system_error& thrown) {
  return thrown.code() == httpool::error::invalid_request;
}

} // namespace

BOOST_AUTO_TEST_CASE(fields_keep_their_order_and_compare_names_without_case) {
  fields lines;
  lines.add("Accept", "a");
  lines.add("X-Two", "b");
  lines.add("accept", "c");
  BOOST_TEST(all_of(lines) == "Accept=a;X-Two=b;accept=c;");
  BOOST_TEST(lines.size() == 3u);
  BOOST_TEST(lines.count("ACCEPT") == 2u);
  BOOST_TEST(lines.value("ACCEPT") == "a");
  BOOST_TEST(lines.value("missing", "none") == "none");
  BOOST_TEST(lines.contains("x-two"));
  BOOST_TEST(!lines.contains("x-tw"));
  BOOST_TEST((lines.find("x-two") != lines.end()));
  BOOST_TEST(lines.find("x-two")->value == "b");
  BOOST_TEST((lines.find("nothing") == lines.end()));
}

BOOST_AUTO_TEST_CASE(set_replaces_in_place_whatever_the_length_and_drops_the_others) {
  fields lines;
  lines.add("A", "1");
  lines.add("B", "2");
  lines.add("a", "3");
  lines.add("C", "4");
  lines.set("A", "a much longer value than the one before");
  BOOST_TEST(all_of(lines) == "A=a much longer value than the one before;B=2;C=4;");
  lines.set("a", "");
  BOOST_TEST(all_of(lines) == "a=;B=2;C=4;");
  lines.set("D", "5");
  BOOST_TEST(all_of(lines) == "a=;B=2;C=4;D=5;");
}

BOOST_AUTO_TEST_CASE(erase_removes_every_line_of_a_name) {
  fields lines;
  for (const char* name : {"A", "B", "a", "C", "A"})
    lines.add(name, "x");
  BOOST_TEST(lines.erase("a") == 3u);
  BOOST_TEST(all_of(lines) == "B=x;C=x;");
  BOOST_TEST(lines.erase("a") == 0u);
  BOOST_TEST(lines.erase(lines[1].name) == 1u);
  BOOST_TEST(all_of(lines) == "B=x;");
}

BOOST_AUTO_TEST_CASE(names_and_values_may_point_into_the_fields_themselves) {
  fields lines;
  lines.add("Name", "value");
  for (int i = 0; i < 50; ++i)
    lines.add(lines[0].name, lines[0].value);
  BOOST_TEST(lines.count("Name") == 51u);
  lines.set("Other", "an entirely different text");
  lines.set("Name", lines.value("Other"));
  BOOST_TEST(all_of(lines) == "Name=an entirely different text;Other=an entirely different text;");
  lines.set(lines[1].name, "again");
  lines.add("Third", lines[1].value);
  lines = std::move(static_cast<fields&>(lines));
  BOOST_TEST(all_of(lines) == "Name=an entirely different text;Other=again;Third=again;");
}

BOOST_AUTO_TEST_CASE(room_for_lines_changes_none) {
  fields lines;
  lines.add("Name", "value");
  lines.reserve(1000, 20);
  BOOST_TEST(all_of(lines) == "Name=value;");
}

BOOST_AUTO_TEST_CASE(white_space_around_a_value_is_dropped) {
  fields lines;
  lines.add("A", " \t in the  middle it stays \t");
  BOOST_TEST(lines.value("A") == "in the  middle it stays");
  lines.set("A", "\t ");
  BOOST_TEST(lines.value("A", "none") == "");
}

BOOST_AUTO_TEST_CASE(list_elements_are_found_in_any_line_of_a_name) {
  fields lines;
  lines.add("Connection", "Keep-Alive ,, \t Upgrade");
  lines.add("connection", "x-close,CLOSE");
  BOOST_TEST(lines.has_token("Connection", "close"));
  BOOST_TEST(lines.has_token("Connection", "keep-alive"));
  BOOST_TEST(lines.has_token("Connection", "upgrade"));
  BOOST_TEST(!lines.has_token("Connection", "clos"));
  BOOST_TEST(!lines.has_token("Connection", "keep"));
  BOOST_TEST(!lines.has_token("Upgrade", "upgrade"));
}

BOOST_AUTO_TEST_CASE(what_could_break_a_line_is_refused_and_nothing_changes) {
  using namespace std::string_literals;
  fields lines;
  lines.add("Kept", "value");
  for (const std::string& bad :
       {"a\rb"s, "a\nb"s, "a\0b"s, "\r\nX: y"s, "a\x7f"s, "a\x1b"s, "end\n"s}) {
    BOOST_CHECK_EXCEPTION(lines.add("Name", bad), boost::system::system_error, is_invalid);
    BOOST_CHECK_EXCEPTION(lines.set("Kept", bad), boost::system::system_error, is_invalid);
  }
  for (const std::string& bad : {""s, "a b"s, "a:"s, "a\r\n"s, "a\0"s, "\xc3\xa4"s, "(a)"s}) {
    BOOST_CHECK_EXCEPTION(lines.add(bad, "value"), boost::system::system_error, is_invalid);
    BOOST_CHECK_EXCEPTION(lines.set(bad, "value"), boost::system::system_error, is_invalid);
  }
  BOOST_TEST(all_of(lines) == "Kept=value;");
  lines.add("Odd", "tab\tand \xe4\xf6\xfc are text");
  BOOST_TEST(lines.value("odd") == "tab\tand \xe4\xf6\xfc are text");
}

BOOST_AUTO_TEST_CASE(a_request_changes_its_start_line_without_hurting_its_fields) {
  request message;
  BOOST_TEST(message.method() == "GET");
  BOOST_TEST(message.target() == "/");
  message.fields().add("A", "1");
  message.target("/a/longer/target");
  message.method("PROPFIND");
  message.fields().add("B", "2");
  message.method(message.target().substr(1, 1));
  BOOST_TEST(message.method() == "a");
  BOOST_TEST(message.target() == "/a/longer/target");
  BOOST_TEST(all_of(message.fields()) == "A=1;B=2;");
}

BOOST_AUTO_TEST_CASE(a_method_or_target_that_could_break_the_request_line_is_refused) {
  using namespace std::string_literals;
  request message("PUT", "/x");
  for (const std::string& bad : {""s, "GE T"s, "GET\r"s, "GET\n"s, "G\0T"s, "G(T"s})
    BOOST_CHECK_EXCEPTION(message.method(bad), boost::system::system_error, is_invalid);
  for (const std::string& bad : {""s, "/a b"s, "/\r\n"s, "/\n"s, "/\0"s, "/\xc3\xa4"s, "/\t"s})
    BOOST_CHECK_EXCEPTION(message.target(bad), boost::system::system_error, is_invalid);
  BOOST_TEST(message.method() == "PUT");
  BOOST_TEST(message.target() == "/x");
  BOOST_CHECK_EXCEPTION(request("GET", "/ HTTP/1.1"), boost::system::system_error, is_invalid);
}

BOOST_AUTO_TEST_CASE(a_response_has_its_standard_reason_or_its_own) {
  response message;
  BOOST_TEST(message.status() == 200u);
  BOOST_TEST(message.reason() == "OK");
  message.fields().add("A", "1");
  message.status(404, "Gone Fishing");
  BOOST_TEST(message.reason() == "Gone Fishing");
  message.status(503, "");
  BOOST_TEST(message.reason() == "");
  message.status(503);
  BOOST_TEST(message.reason() == "Service Unavailable");
  message.status(799);
  BOOST_TEST(message.reason() == "");
  BOOST_TEST(all_of(message.fields()) == "A=1;");
  BOOST_CHECK_EXCEPTION(message.status(99), boost::system::system_error, is_invalid);
  BOOST_CHECK_EXCEPTION(message.status(1000), boost::system::system_error, is_invalid);
  BOOST_CHECK_EXCEPTION(message.status(200, "a\r\nB: c"), boost::system::system_error, is_invalid);
  BOOST_TEST(message.status() == 799u);
}

BOOST_AUTO_TEST_CASE(keep_alive_follows_the_version_and_the_connection_field) {
  request message;
  BOOST_TEST(message.keep_alive());
  message.fields().set("Connection", "close");
  BOOST_TEST(!message.keep_alive());
  message.version(http_version::http_1_0);
  message.fields().set("Connection", "keep-alive");
  BOOST_TEST(message.keep_alive());
  message.fields().set("Connection", "keep-alive, close");
  BOOST_TEST(!message.keep_alive());
  message.fields().erase("Connection");
  BOOST_TEST(!message.keep_alive());

  response answer(200);
  BOOST_TEST(answer.keep_alive());
  answer.fields().set("Connection", "close");
  BOOST_TEST(!answer.keep_alive());
}

BOOST_AUTO_TEST_CASE(moved_from_and_cleared_messages_are_as_new) {
  request source("POST", "/a", http_version::http_1_0);
  source.fields().add("A", "1");
  source.body("body");
  request target = std::move(source);
  BOOST_TEST(target.method() == "POST");
  BOOST_TEST(target.target() == "/a");
  BOOST_TEST(target.body() == "body");
  BOOST_TEST(all_of(target.fields()) == "A=1;");
  // NOLINTNEXTLINE(bugprone-use-after-move): what is left of it is promised
  source.fields().add("B", "2");
  source.target("/again");
  BOOST_TEST(source.method() == "GET");
  BOOST_TEST(all_of(source.fields()) == "B=2;");
  BOOST_TEST((source.version() == http_version::http_1_1));

  target.clear();
  BOOST_TEST(target.method() == "GET");
  BOOST_TEST(target.fields().empty());
  BOOST_TEST(target.body().empty());

  response answer(404, "text", "text/plain");
  response moved;
  moved = std::move(answer);
  BOOST_TEST(moved.status() == 404u);
  BOOST_TEST(moved.fields().value("content-type") == "text/plain");
  // NOLINTNEXTLINE(bugprone-use-after-move): what is left of it is promised
  BOOST_TEST(answer.status() == 200u);
  BOOST_TEST(answer.fields().empty());
}

BOOST_AUTO_TEST_CASE(a_message_moved_into_itself_stays_as_it_is) {
  request asked("POST", "/a");
  asked.body("body");
  request& also_asked = asked;
  asked = std::move(also_asked);
  BOOST_TEST(asked.method() == "POST");
  BOOST_TEST(asked.body() == "body");
  response answered(404, "text", "text/plain");
  response& also_answered = answered;
  answered = std::move(also_answered);
  BOOST_TEST(answered.status() == 404u);
  BOOST_TEST(answered.body() == "text");
}
