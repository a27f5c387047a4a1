// Random HTTP/1 messages, most of them valid, some odd, some broken, from a seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <string>
#include <string_view>

namespace http1_test {

class generator {
public:
  explicit generator(std::uint64_t seed) : random_(seed) {}

  std::string request() {
    std::string text = one_in(20) ? "\r\n" : "";
    text += pick({"GET", "GET", "POST", "HEAD", "OPTIONS", "PUT", "CONNECT", "b!d", "G(T", ""});
    text += pick_rarely({" "}, {"  ", "\t", ""});
    text += pick_rarely({"/", "/a/b?c=d", "http://a.test/x", "*", "a.test:443"},
                        {"x", "/#f", "/\xc3\xa4", "", "/a b", "/{|}", "a:b"});
    text += pick_rarely({" "}, {"  ", ""}) + version() + line_break();
    if (!one_in(12))
      text +=
          pick_rarely({"Host: a.test"}, {"Host:", "Host: a b", "Host: a\r\nHost: a", "Host: a:x",
                                         "host: [::1]:80", "Host : a", "HOST:\ta.test"}) +
          line_break();
    return mutate(text + fields_and_body());
  }

  std::string response() {
    std::string text = version() + pick_rarely({" "}, {"  ", ""});
    text += pick({"200", "200", "200", "404", "500", "204", "304", "100", "101"});
    if (one_in(15))
      text = pick({"HTTP/1.1 20", "HTTP/1.1 2000", "HTTP/1.1 099", "HTTP/1.1 799", "ICY 200"});
    text += pick_rarely({" OK", " ", " Not Found"}, {"", " \xe4\t!", " O\rK", "  "}) + line_break();
    return mutate(text + fields_and_body());
  }

  bool one_in(unsigned n) { return below(n) == 0; }

private:
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }

  std::string pick(std::initializer_list<const char*> from) {
    return from.begin()[below(from.size())];
  }

  std::string pick_rarely(std::initializer_list<const char*> usual,
                          std::initializer_list<const char*> rare) {
    return one_in(12) ? pick(rare) : pick(usual);
  }

  std::string line_break() { return one_in(150) ? pick({"\n", "\r", "\r\r\n", "\n\r\n"}) : "\r\n"; }

  std::string version() {
    return pick_rarely({"HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0"},
                       {"HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "http/1.1", "HTTP/1.10", "HTTP/11"});
  }

  std::string field() {
    return pick_rarely({"Accept: */*", "X-Empty:", "X-Text: some  text\t ",
                        "Connection: keep-alive", "Connection: close", "Connection: Upgrade, x",
                        "x-obs: \xe4\xf6\xfc", "Cookie: a=b; c=d"},
                       {"X-Fold: a\r\n b", "X-Fold: a\r\n\t\r\n c", "Bad Name: x", "X : y", " X: y",
                        ": y", "NoColon", "X: a\rb", "X: \x01", "X: \x7f", "Connection: a b, c",
                        "Connection: ,,close", "Proxy-Connection: close", "Proxy-Connection: @",
                        "X-Quoted: \"a, b\"", "Expect: 100-continue", "Connection: \x80"});
  }

  std::string length(std::size_t size) {
    const std::string right = std::to_string(size);
    if (!one_in(8))
      return "Content-Length: " + right;
    switch (below(9)) {
    case 0:
      return "Content-Length: " + right + ", " + right;
    case 1:
      return "Content-Length: " + right + "\r\nContent-Length: " + right;
    case 2:
      return "Content-Length: 00" + right;
    case 3:
      return "Content-Length: +" + right;
    case 4:
      return "Content-Length: " + right + ",";
    case 5:
      return "Content-Length: " + right + ", 1";
    case 6:
      return "Content-Length:";
    case 7:
      return "Content-Length: 18446744073709551616";
    default:
      return "Content-Length : " + right;
    }
  }

  std::string chunks() {
    std::string text;
    for (std::size_t n = below(4); n > 0; --n) {
      const std::string data(1 + below(20), 'c');
      char size[8];
      std::snprintf(size, sizeof size, one_in(6) ? "%04zX" : "%zx", data.size());
      text += size;
      text += pick_rarely({"", "", "", ";a", ";a=b", ";a=\"b;c\""},
                          {" ", ";", ";a=", " ; a", ";a = b", ";a=\"b", ";a=\"\\\"\"", ";a b", "g",
                           ";a=b;c", ";a=\"\x01\"", ";=b", ";a=b ;c", "\t;a"});
      text += line_break() + data + line_break();
    }
    text += pick_rarely({"0"}, {"00", "", "0;last", "0 ", "-0", "0x0"}) + line_break();
    if (one_in(6))
      text += pick_rarely({field().c_str()}, {"Content-Length: 5", "Transfer-Encoding: gzip"}) +
              line_break();
    return text + line_break();
  }

  std::string fields_and_body() {
    std::string head;
    for (std::size_t n = below(4); n > 0; --n)
      head += field() + line_break();
    std::string body;
    if (one_in(2)) {
      if (one_in(2)) {
        body = std::string(below(40), 'b');
        head += length(body.size()) + line_break();
      } else {
        body = chunks();
        head += pick_rarely({"Transfer-Encoding: chunked"},
                            {"Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked, gzip",
                             "Transfer-Encoding: gzip",
                             "Transfer-Encoding:", "Transfer-Encoding: CHUNKED",
                             "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                             "Transfer-Encoding: ,chunked,", "Transfer-Encoding: chunked;a=b",
                             "Transfer-Encoding: \"chunked\"", "Transfer-Encoding: x chunked",
                             "Transfer-Encoding: chunked\r\nContent-Length: 5",
                             "Content-Length: 5\r\nTransfer-Encoding: chunked",
                             "Transfer-Encoding: gzip\r\nContent-Length: 5",
                             "Transfer-Encoding: identity, identity"}) +
                line_break();
      }
    }
    if (one_in(3))
      head += field() + line_break();
    return head + line_break() + body + (one_in(4) ? "GET /next HTTP/1.1\r\nHost: b\r\n\r\n" : "");
  }

  std::string mutate(std::string text) {
    static constexpr std::string_view interesting = "\r\n\t :;,\0\x7f\"=0a/\x80";
    for (std::size_t n = one_in(2) ? below(4) : 0; n > 0 && !text.empty(); --n) {
      const std::size_t at = below(text.size());
      switch (below(5)) {
      case 0:
        text.erase(at, 1 + below(3));
        break;
      case 1:
        text.insert(at, 1, interesting[below(interesting.size())]);
        break;
      case 2:
        text[at] = interesting[below(interesting.size())];
        break;
      case 3:
        text[at] = static_cast<char>(below(256));
        break;
      default:
        text.insert(at, text.substr(below(text.size()), below(12)));
        break;
      }
    }
    return text;
  }

  std::mt19937_64 random_;
};

} // namespace http1_test
