// Peers whose heads are malformed, odd or too large, or say strange things of the connection.
#pragma once

#include "net/misbehaviour.hpp"

namespace client_test {

inline std::vector<misbehaviour> odd_status_lines() {
  const std::string rest = "\r\nContent-Length: 2\r\n\r\nhi";
  return {
      fails("HTTP/0.9", "§2.3", "<html>hi</html>"s + rest),
      fails("HTTP/0.9 by name", "§2.3", "HTTP/0.9 200 OK" + rest),
      kept("HTTP/1.2", "9110 §2.5", "HTTP/1.2 200 OK" + rest),
      fails("HTTP/1.10", "§2.3", "HTTP/1.10 200 OK" + rest),
      fails("HTTP/2.0", "§2.3", "HTTP/2.0 200 OK" + rest),
      fails("HTTP/2", "§2.3", "HTTP/2 200 OK" + rest),
      fails("http in small letters", "§2.3", "http/1.1 200 OK" + rest),
      fails("another protocol", "§2.3", "ICY 200 OK" + rest),
      fails("a TLS alert", "§2.3", "\x15\x03\x01\x00\x02\x02\x28\r\n\r\n"s),
      fails("an empty line before all", "§2.2", "\r\nHTTP/1.1 200 OK" + rest),
      fails("a space before all", "§2.2", " HTTP/1.1 200 OK" + rest),
      fails("two spaces before the status", "§4", "HTTP/1.1  200 OK" + rest),
      fails("a tab before the status", "§4", "HTTP/1.1\t200 OK" + rest),
      fails("no status", "§4", "HTTP/1.1" + rest),
      fails("status 000", "9110 §15", "HTTP/1.1 000 OK" + rest),
      fails("status 099", "9110 §15", "HTTP/1.1 099 OK" + rest),
      fails("status 99", "§4", "HTTP/1.1 99 OK" + rest),
      fails("status 1000", "§4", "HTTP/1.1 1000 OK" + rest),
      fails("status abc", "§4", "HTTP/1.1 abc OK" + rest),
      fails("status -200", "§4", "HTTP/1.1 -200 OK" + rest),
      kept("status 600", "9110 §15", "HTTP/1.1 600 OK" + rest).gives(600, "hi"),
      kept("status 999", "9110 §15", "HTTP/1.1 999 OK" + rest).gives(999, "hi"),
      kept("no reason", "§4", "HTTP/1.1 200 " + rest),
      kept("no reason nor its space", "§4", "HTTP/1.1 200" + rest),
      kept("a reason beyond ASCII", "§4", "HTTP/1.1 200 D\xe9j\xe0" + rest),
      fails("a NUL in the reason", "§4", "HTTP/1.1 200 O\0K"s + rest),
      fails("a bare CR in the reason", "§2.2", "HTTP/1.1 200 O\rK" + rest),
      fails("a bare LF after the status line", "§2.2",
            "HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nhi"),
  };
}

inline std::vector<misbehaviour> odd_fields() {
  const std::string length = "Content-Length: 2\r\n";
  std::string many;
  for (int i = 0; i != 128; ++i)
    many += "A: b\r\n";
  return {
      fails("white space before the first field", "§2.2", framed(" A: b\r\n" + length)),
      kept("a folded field", "§5.2", framed(length + "A: b\r\n c\r\n")),
      kept("a folded length", "§5.2", framed("Content-Length:\r\n\t2\r\n")),
      fails("a length folded in two", "§5.2", framed("Content-Length: 2\r\n 0\r\n")),
      fails("a space before a colon", "§5.1", framed("Content-Length : 2\r\n")),
      fails("a tab before a colon", "§5.1", framed(length + "A\t: b\r\n")),
      fails("no colon", "§5", framed(length + "what?\r\n")),
      fails("no name", "§5", framed(length + ": b\r\n")),
      fails("a space in a name", "§5.1", framed(length + "A b: c\r\n")),
      fails("a parenthesis in a name", "9110 §5.1", framed(length + "A(b: c\r\n")),
      fails("a NUL in a name", "9110 §5.1", framed(length + "A\0: b\r\n"s)),
      fails("a NUL in a value", "9110 §5.5", framed(length + "A: b\0c\r\n"s)),
      fails("a bare CR in a value", "9110 §5.5", framed(length + "A: b\rc\r\n")),
      fails("a bare LF after a value", "§2.2", framed("A: b\n" + length)),
      fails("a bare LF after the head", "§2.2", framed(length + "\n")),
      fails("an escape in a value", "9110 §5.5", framed(length + "A: \x1b[31m\r\n")),
      kept("a value beyond ASCII", "9110 §5.5", framed(length + "A: \xff\r\n")),
      kept("an empty value", "9110 §5.5", framed(length + "A:\r\n")),
      kept("a Host field, twice", "9110 §7.2", framed(length + "Host: a\r\nHost: b c\r\n")),
      fails("a head that is too large", "9110 §5.4",
            framed(length + "A: " + std::string(70'000, 'a') + "\r\n"), error::head_too_large),
      fails("too many fields", "9110 §5.4", framed(length + many), error::head_too_large),
      fails("a status line without an end", "9110 §5.4", "HTTP/1.1 200 " + std::string(70'000, 'o'),
            error::head_too_large),
  };
}

/// What a head says of the connection.
inline std::vector<misbehaviour> odd_persistence() {
  const auto one_0 = [](const std::string& fields) {
    return "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n" + fields + "\r\nhi";
  };
  return {
      closed("close", "§9.6", ok("hi", "Connection: close\r\n")),
      closed("Close", "9110 §7.6.1", ok("hi", "Connection: CLOSE\r\n")),
      kept("keep-alive", "§9.3", ok("hi", "Connection: keep-alive\r\n")),
      closed("close and keep-alive", "§9.3", ok("hi", "Connection: keep-alive, close\r\n")),
      closed("keep-alive and close in two lines", "§9.3",
             ok("hi", "Connection: close\r\nConnection: keep-alive\r\n")),
      kept("another option", "9110 §7.6.1", ok("hi", "Connection: closed, x-close\r\n")),
      kept("Proxy-Connection: close", "§C.2.2", ok("hi", "Proxy-Connection: close\r\n")),
      closed("HTTP/1.0", "§9.3", one_0("")),
      kept("HTTP/1.0 that keeps alive", "§C.2.2", one_0("Connection: Keep-Alive\r\n")),
      closed("HTTP/1.0 that says both", "§9.3", one_0("Connection: keep-alive, close\r\n")),
      closed("HTTP/1.0 with a Keep-Alive field alone", "§9.3", one_0("Keep-Alive: timeout=9\r\n")),
      closed("HTTP/1.0 up to its end", "§6.3",
             script().answers("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nhi").closes()),
      closed("timeout=0", "§9.5", ok("hi", "Keep-Alive: timeout=0\r\n")),
      closed("timeout=1", "§9.5", ok("hi", "Keep-Alive: timeout=1\r\n")),
      kept("timeout=2", "§9.5", ok("hi", "Keep-Alive: timeout=2\r\n")),
      kept("timeout=nonsense", "§9.5", ok("hi", "Keep-Alive: timeout=-5, timeout=1.5, =, max\r\n")),
      closed("max=0", "§9.5", ok("hi", "Keep-Alive: timeout=60, max=0\r\n")),
      kept("max=1", "§9.5", ok("hi", "Keep-Alive: max=1\r\n")),
  };
}

} // namespace client_test
