// Peers that speak, fall silent or leave when it is not their turn.
#pragma once

#include "net/misbehaviour.hpp"

namespace client_test {

inline std::vector<misbehaviour> odd_interim_responses() {
  const std::string go = "HTTP/1.1 100 Continue\r\n\r\n";
  const std::string hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
  std::string many;
  for (int i = 0; i != 1'000; ++i)
    many += hints;
  request upgrade = get();
  upgrade.fields().set("Upgrade", "other");
  upgrade.fields().set("Connection", "upgrade");
  request half_asked = get();
  half_asked.fields().set("Upgrade", "other");
  request half_meant = get();
  half_meant.fields().set("Connection", "upgrade");
  request large = post(std::string(30'000'000, 'x'));
  large.fields().set("Upgrade", "other");
  large.fields().set("Connection", "upgrade");
  request careful = post();
  careful.fields().set("Expect", "100-continue");
  const std::string change = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\n"
                             "Connection: upgrade\r\n\r\n";
  client_options patient;
  patient.continue_timeout = 1h;
  client_options hasty;
  hasty.first_byte_timeout = 30ms;
  return {
      kept("a 100 that nobody asked for", "9110 §15.2", go + ok()),
      kept("a 103 and a 199", "9110 §15.2", hints + "HTTP/1.1 199 What\r\n\r\n" + ok()),
      kept("a thousand 103s", "9110 §15.2", many + ok()),
      fails("a thousand 103s and nothing else", "9110 §15.2", many, error::first_byte_timeout)
          .with(hasty),
      fails("more 103s than a head may be long", "9110 §15.2", many + many + ok(),
            error::head_too_large),
      fails("a 102 with a body", "§6.3", "HTTP/1.1 102 Busy\r\nContent-Length: 2\r\n\r\nhi" + ok()),
      kept("a 102 that announces a body", "§6.3",
           "HTTP/1.1 102 Busy\r\nContent-Length: 2\r\n\r\n" + ok()),
      fails("a 103 and the end", "§8", script().answers(hints).closes(), error::connection_closed),
      fails("a malformed 103", "§5.1", "HTTP/1.1 103 Hints\r\nLink : x\r\n\r\n" + ok()),
      fails("a 101 that nobody asked for", "9110 §15.2.2", change),
      fails("a 101 where no stream can be had", "9110 §7.8", change).asked(upgrade).only_whole(),
      fails("a 101 that Connection does not ask for", "9110 §7.8", change).asked(half_asked),
      fails("a 101 that Upgrade does not ask for", "9110 §7.8", change).asked(half_meant),
      fails("a 101 before the whole request", "9110 §7.8",
            script().hears_head().says(change).pauses(), error::protocol_error)
          .asked(large),
      kept("no 101 though it was asked for", "9110 §7.8", ok()).asked(upgrade),
      kept("leave given twice", "9110 §10.1.1",
           script().hears_head().says(go + go).hears_bytes(5).says(ok()))
          .asked(careful)
          .with(patient),
      closed("no leave but an answer", "9110 §10.1.1", script().hears_head().says(ok()))
          .asked(careful)
          .with(patient),
      closed("leave refused", "9110 §10.1.1",
             script().hears_head().says("HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno"))
          .asked(careful)
          .with(patient)
          .gives(417, "no"),
  };
}

inline std::vector<misbehaviour> bytes_out_of_turn() {
  return {
      closed("two responses at once", "§9.2", ok() + ok("evil")),
      closed("a byte beyond the response", "§9.2", ok() + "!"),
      closed("a line break beyond the response", "§9.2", ok() + "\r\n"),
      closed("a byte beyond the last chunk", "§9.2", chunked("2\r\nhi\r\n0\r\n\r\n!")),
      closed("a response while idle", "§9.2", script().answers(ok()).pauses().says(ok("evil"))),
      closed("a byte while idle", "§9.2", script().answers(ok()).pauses().says("\0"s)),
      closed("a line break while idle", "§9.2", script().answers(ok()).pauses().says("\r\n")),
      closed("a 408 while idle, and the end", "9110 §15.5.9",
             script()
                 .answers(ok())
                 .pauses()
                 .says("HTTP/1.1 408 Late\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
                 .closes()),
      closed("a response in the same breath as its end", "§9.6",
             script().answers(ok("hi", "Connection: close\r\n") + ok("evil")).closes()),
  };
}

inline std::vector<misbehaviour> early_ends() {
  struct place {
    const char* name;
    std::string said;
  };
  const place places[] = {
      {"before the response", ""},
      {"in the status line", "HTTP/1.1 20"},
      {"between CR and LF", "HTTP/1.1 200 OK\r"},
      {"in a field", "HTTP/1.1 200 OK\r\nContent-Len"},
      {"before the end of the head", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"},
      {"before a body", framed("Content-Length: 2\r\n", "")},
      {"in a body", framed("Content-Length: 2\r\n", "h")},
      {"in a large body", framed("Content-Length: 200000\r\n", std::string(100'000, 'x'))},
      {"in a chunk size", chunked("2")},
      {"in a chunk", chunked("2\r\nh")},
      {"after a chunk", chunked("2\r\nhi")},
      {"before the last chunk", chunked("2\r\nhi\r\n")},
      {"after the last chunk", chunked("2\r\nhi\r\n0\r\n")},
      {"in the trailers", chunked("2\r\nhi\r\n0\r\nX-Sum: 1\r\n")},
  };
  std::vector<misbehaviour> rows;
  for (const place& at : places) {
    const std::string where = at.name;
    rows.push_back(fails("an end " + where, "§8", script().answers(at.said).closes(),
                         error::connection_closed));
    rows.push_back(fails("a reset " + where, "§8", script().answers(at.said).resets(),
                         error::connection_closed));
    rows.push_back(fails("a half-close " + where, "§8", script().answers(at.said).finishes(),
                         error::connection_closed));
  }
  rows.push_back(fails("an end at once", "§9.5", script().closes(), error::connection_closed));
  rows.push_back(fails("a reset at once", "§9.5", script().resets(), error::connection_closed));
  rows.push_back(closed("an end after the response", "§9.5", script().answers(ok()).closes()));
  rows.push_back(
      closed("a half-close after the response", "§9.6", script().answers(ok()).finishes()));
  rows.push_back(closed("a reset while idle", "§9.5", script().answers(ok()).pauses().resets()));
  rows.push_back(closed("an end while idle", "§9.5", script().answers(ok()).pauses().closes()));
  rows.push_back(
      closed("a half-close while idle", "§9.6", script().answers(ok()).pauses().finishes()));
  return rows;
}

inline std::vector<misbehaviour> slow_ones() {
  client_options soon;
  soon.first_byte_timeout = soon.read_timeout = 30ms;
  client_options whole;
  whole.exchange_timeout = 60ms;
  const std::string endless(3'000'000, 'x');
  return {
      kept("a response byte by byte", "§6.3", script().hears().trickles(ok())),
      kept("chunks byte by byte", "§7.1",
           script().hears().trickles(chunked("2;a=b\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n"))),
      fails("silence", "§9.5", script().hears(), error::first_byte_timeout).with(soon),
      fails("silence after a 100", "§9.5", "HTTP/1.1 100 Continue\r\n\r\n",
            error::first_byte_timeout)
          .with(soon),
      fails("silence without reading", "§9.5", script().hears().pauses(), error::first_byte_timeout)
          .with(soon),
      fails("silence in the status line", "§9.5", "HTTP/1.1 2", error::read_timeout).with(soon),
      fails("silence in the head", "§9.5", "HTTP/1.1 200 OK\r\nA: b\r\n", error::read_timeout)
          .with(soon),
      fails("silence in a body", "§9.5", framed("Content-Length: 3\r\n"), error::read_timeout)
          .with(soon),
      fails("silence in a chunk", "§9.5", chunked("3\r\nhi"), error::read_timeout).with(soon),
      fails("silence before the trailers", "§9.5", chunked("2\r\nhi\r\n0\r\n"), error::read_timeout)
          .with(soon),
      fails("silence in a body up to the end", "§9.5", framed(""), error::read_timeout).with(soon),
      fails("silence for all the time there is", "§9.5", script().hears(), error::exchange_timeout)
          .with(whole),
      fails("a head byte by byte, and too slow", "§9.5",
            script().hears().trickles("HTTP/1.1 200 OK\r\nA: " + endless), error::exchange_timeout)
          .with(whole),
      fails("a body byte by byte, and too slow", "§9.5",
            script().hears().trickles(framed("", endless)), error::exchange_timeout)
          .with(whole),
  };
}

} // namespace client_test
