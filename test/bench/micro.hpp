// What the micro-benchmarks share.
#pragma once

#include <string>
#include <string_view>

namespace bench {

// Each registers its benchmarks, by names of what is done, in which case, and by whom.
void register_http1();
void register_pool();

/// As a small server answers.
inline constexpr std::string_view small_response = "HTTP/1.1 200 OK\r\n"
                                                   "Server: nginx/1.22.1\r\n"
                                                   "Date: Tue, 24 Nov 2026 20:00:00 GMT\r\n"
                                                   "Content-Type: text/plain\r\n"
                                                   "Content-Length: 13\r\n"
                                                   "Connection: keep-alive\r\n\r\n";

/// As programs ask programs.
inline constexpr std::string_view small_request = "GET /orders/4711?detail=full HTTP/1.1\r\n"
                                                  "Host: orders.example.com:8080\r\n"
                                                  "User-Agent: service_a/1.0\r\n"
                                                  "Accept: application/json\r\n\r\n";

/// As browsers ask.
inline constexpr std::string_view large_request =
    "GET /wp-content/uploads/2010/03/hello-kitty-darth-vader-pink.jpg HTTP/1.1\r\n"
    "Host: www.example.com\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8\r\n"
    "Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Connection: keep-alive\r\n"
    "Referer: https://www.example.com/a/page/with/a/longer/path.html\r\n"
    "Cookie: session=8f14e45fceea167a5a36dedd4bea2543; theme=dark; consent=yes; visits=17\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "If-Modified-Since: Tue, 10 Nov 2026 08:00:00 GMT\r\n"
    "Cache-Control: max-age=0\r\n\r\n";

/// A response of so many chunks of `size` bytes each.
inline std::string chunked_response(int chunks, std::string_view size_in_hex, std::size_t size) {
  std::string text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i != chunks; ++i)
    text.append(size_in_hex).append("\r\n").append(size, 'x').append("\r\n");
  return text.append("0\r\n\r\n");
}

} // namespace bench
