// The codec's way into the storage of messages: heads are parsed straight into it.
#pragma once

#include <httpool/request.hpp>
#include <httpool/response.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace httpool::http1 {

struct message_access {
  using entry = fields::entry;

  static std::string& buffer(fields& lines) noexcept { return lines.buffer_; }
  static std::vector<entry>& table(fields& lines) noexcept { return lines.table_; }
  static void start_size(fields& lines, std::size_t size) noexcept { lines.start_size_ = size; }

  // The field lines as they go on the wire, without the start line.
  static std::string_view wire(const fields& lines) noexcept {
    return std::string_view(lines.buffer_).substr(lines.start_size_);
  }

  // One field line as it goes on the wire, with its line break.
  static std::string_view wire(const fields& lines, std::size_t index) noexcept {
    const std::size_t begin = lines.table_[index].name_offset;
    return wire(lines).substr(begin, lines.line_end(index) - begin);
  }

  // The request line as it goes on the wire, up to the version.
  static std::string_view line(const request& message) noexcept {
    if (message.method_size_ == 0)
      return "GET /";
    return std::string_view(message.fields_.buffer_)
        .substr(0, message.method_size_ + 1 + message.target_size_);
  }

  static void start(request& message, std::size_t method_size, std::size_t target_size,
                    http_version version) noexcept {
    message.method_size_ = method_size;
    message.target_size_ = target_size;
    message.version_ = version;
  }

  static void start(response& message, unsigned status, http_version version) noexcept {
    message.status_ = status;
    message.version_ = version;
  }
};

} // namespace httpool::http1
