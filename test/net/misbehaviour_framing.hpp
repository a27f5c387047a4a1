// Peers whose bodies begin, go on or end otherwise than they should.
#pragma once

#include "net/misbehaviour.hpp"

namespace client_test {

inline std::vector<misbehaviour> odd_lengths() {
  return {
      fails("Content-Length and Transfer-Encoding", "§6.3",
            framed("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\n\r\n")),
      fails("Transfer-Encoding and Content-Length", "§6.3",
            framed("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "2\r\nhi\r\n0\r\n\r\n")),
      fails("two lengths", "§6.3", framed("Content-Length: 2\r\nContent-Length: 3\r\n")),
      fails("a list of two lengths", "§6.3", framed("Content-Length: 2, 3\r\n")),
      closed("a length said twice in a list", "§6.3", framed("Content-Length: 2, 2\r\n")),
      closed("a length said twice in two lines", "§6.3",
             framed("Content-Length: 2\r\nContent-Length: 2\r\n")),
      kept("a length with zeros before it", "9110 §8.6", framed("Content-Length: 0002\r\n")),
      fails("a negative length", "9110 §8.6", framed("Content-Length: -2\r\n")),
      fails("a length with a plus", "9110 §8.6", framed("Content-Length: +2\r\n")),
      fails("a hexadecimal length", "9110 §8.6", framed("Content-Length: 0x2\r\n")),
      fails("a broken number as length", "9110 §8.6", framed("Content-Length: 2.0\r\n")),
      fails("a length with a space within", "9110 §8.6", framed("Content-Length: 0 2\r\n")),
      fails("a length and nothing behind its comma", "9110 §8.6", framed("Content-Length: 2,\r\n")),
      fails("an empty length", "9110 §8.6", framed("Content-Length:\r\n")),
      fails("a length beyond 64 bits", "9110 §8.6",
            framed("Content-Length: 18446744073709551618\r\n"), error::body_too_large)
          .only_whole(),
      fails("a length beyond the limit", "9110 §15.5.14", framed("Content-Length: 67108865\r\n"),
            error::body_too_large)
          .only_whole(),
  };
}

inline std::vector<misbehaviour> odd_codings() {
  const std::string hi = "2\r\nhi\r\n0\r\n\r\n";
  const auto coded = [&](const std::string& codings) {
    return framed("Transfer-Encoding: " + codings + "\r\n", hi);
  };
  return {
      fails("a coding that nobody asked for", "§6.1", coded("gzip")),
      fails("a coding before chunked", "§7.4", coded("gzip, chunked")),
      fails("a coding after chunked", "§6.1", coded("chunked, gzip")),
      fails("chunked twice", "§6.1", coded("chunked, chunked")),
      fails("chunked twice in two lines", "§6.1",
            framed("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", hi)),
      fails("nearly chunked", "§6.1", coded("xchunked")),
      fails("chunked in quotes", "§7", coded("\"chunked\"")),
      fails("chunked with a parameter", "§7.1", coded("chunked;q=1")),
      fails("identity, which is gone", "§7", coded("identity")),
      fails("no coding at all", "§6.1", coded("")),
      kept("CHUNKED", "§7", coded("CHUNKED")),
      fails("chunked from HTTP/1.0", "§6.1",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + hi),
  };
}

inline std::vector<misbehaviour> odd_chunks() {
  const std::string end = "\r\nhi\r\n0\r\n\r\n";
  const std::string long_extension(20'000, 'x');
  return {
      kept("a chunk size with zeros before it", "§7.1", chunked("0000000000000000000002" + end)),
      kept("a last chunk of many zeros", "§7.1", chunked("2\r\nhi\r\n000\r\n\r\n")),
      kept("a chunk size in capitals", "§7.1", chunked("A\r\n0123456789\r\n0\r\n\r\n"))
          .gives(200, "0123456789"),
      fails("a negative chunk size", "§7.1", chunked("-2" + end)),
      fails("a chunk size with a plus", "§7.1", chunked("+2" + end)),
      fails("a chunk size with 0x", "§7.1", chunked("0x2" + end)),
      fails("a space before a chunk size", "§7.1", chunked(" 2" + end)),
      fails("a space after a chunk size", "§7.1", chunked("2 " + end)),
      fails("an empty chunk size", "§7.1", chunked(end)),
      fails("a chunk size that is none", "§7.1", chunked("g" + end)),
      fails("a chunk size beyond 64 bits", "§7.1", chunked("10000000000000002" + end),
            error::body_too_large),
      fails("a chunk longer than its size", "§7.1", chunked("2\r\nhi!\r\n0\r\n\r\n")),
      fails("a chunk without an end", "§7.1", chunked("2\r\nhi0\r\n\r\n")),
      fails("a bare LF after a chunk size", "§2.2", chunked("2\nhi\r\n0\r\n\r\n")),
      fails("a bare CR after a chunk size", "§2.2", chunked("2\rhi\r\n0\r\n\r\n")),
      fails("a bare LF after a chunk", "§7.1", chunked("2\r\nhi\n0\r\n\r\n")),
      fails("a bare LF at the end of all chunks", "§7.1", chunked("2\r\nhi\r\n0\r\n\n")),
      kept("a chunk extension", "§7.1.1", chunked("2;a=b" + end)),
      kept("a quoted chunk extension", "§7.1.1", chunked("2 ; a = \"b;\\\"c\"" + end)),
      fails("a chunk extension without a name", "§7.1.1", chunked("2;=b" + end)),
      fails("a chunk extension with a line break in quotes", "§7.1.1",
            chunked("2;a=\"b\r\n\"" + end)),
      fails("a chunk extension without an end", "§7.1.1", chunked("2;" + long_extension + end)),
      kept("a trailer", "§7.1.2", chunked("2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n")),
      kept("trailers that would change the framing", "9110 §6.5.1",
           chunked("2\r\nhi\r\n0\r\nContent-Length: 50\r\nTransfer-Encoding: gzip\r\n"
                   "Connection: close\r\n\r\n")),
      fails("a trailer that is no field", "§7.1.2", chunked("2\r\nhi\r\n0\r\nwhat?\r\n\r\n")),
      fails("a folded trailer", "§5.2", chunked("2\r\nhi\r\n0\r\nA: 1\r\n 2\r\n\r\n")),
      fails("a trailer with a space before its colon", "§5.1",
            chunked("2\r\nhi\r\n0\r\nA : 1\r\n\r\n")),
      fails("trailers without an end", "§7.1.2",
            chunked("2\r\nhi\r\n0\r\nA: " + std::string(70'000, 'a')), error::head_too_large),
  };
}

inline std::vector<misbehaviour> odd_bodies() {
  const request head("HEAD", "/");
  return {
      kept("a 204", "§6.3", "HTTP/1.1 204 None\r\n\r\n").gives(204, ""),
      kept("a 204 that announces a body", "§6.3", "HTTP/1.1 204 None\r\nContent-Length: 2\r\n\r\n")
          .gives(204, ""),
      closed("a 204 with a body", "§6.3", "HTTP/1.1 204 None\r\nContent-Length: 2\r\n\r\nhi")
          .gives(204, ""),
      closed("a 204 with chunks", "§6.3",
             "HTTP/1.1 204 None\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
          .gives(204, ""),
      kept("a 304 that announces a body", "§6.3", "HTTP/1.1 304 Same\r\nContent-Length: 2\r\n\r\n")
          .gives(304, ""),
      closed("a 304 with a body", "§6.3", "HTTP/1.1 304 Same\r\nContent-Length: 2\r\n\r\nhi")
          .gives(304, ""),
      kept("a 205 without a body", "9110 §15.3.6",
           "HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n")
          .gives(205, ""),
      kept("a 205 with a body", "§6.3", "HTTP/1.1 205 Reset\r\nContent-Length: 2\r\n\r\nhi")
          .gives(205, "hi"),
      kept("HEAD is told of a body", "§6.3", framed("Content-Length: 2\r\n", ""))
          .asked(head)
          .gives(200, ""),
      kept("HEAD is told of chunks", "§6.3", framed("Transfer-Encoding: chunked\r\n", ""))
          .asked(head)
          .gives(200, ""),
      kept("HEAD is told nothing of a body", "§6.3", framed("", "")).asked(head).gives(200, ""),
      closed("HEAD is answered with a body", "§6.3", ok()).asked(head).gives(200, ""),
      fails("HEAD is answered with two lengths", "§6.3",
            framed("Content-Length: 2\r\nContent-Length: 3\r\n", ""))
          .asked(head),
      closed("a body up to the end", "§6.3", script().answers(framed("")).closes()),
      closed("no body up to the end", "§6.3", script().answers(framed("", "")).closes())
          .gives(200, ""),
      closed("a body up to the end of what is kept alive", "§6.3",
             script().answers(framed("Connection: keep-alive\r\n")).closes()),
      closed("a body up to a half-close", "§9.6", script().answers(framed("")).finishes()),
      fails("a body up to a reset", "§8", script().answers(framed("")).resets(),
            error::connection_closed),
      fails("a body up to the end that is too large", "9110 §15.5.14",
            framed("", std::string(2'000, 'x')), error::body_too_large)
          .only_whole()
          .with({.max_body_bytes = 1'999}),
      fails("chunks that are too large together", "9110 §15.5.14",
            chunked("2\r\nhi\r\n63\r\nmore of it"), error::body_too_large)
          .only_whole()
          .with({.max_body_bytes = 100}),
  };
}

} // namespace client_test
