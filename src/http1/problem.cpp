#include "http1/problem.hpp"

#include <httpool/error.hpp>

namespace httpool::http1 {

unsigned status_of(problem trouble) noexcept {
  switch (trouble) {
  case problem::target_too_long:
    return 414;
  case problem::head_too_large:
  case problem::too_many_fields:
    return 431;
  case problem::body_too_large:
  case problem::chunk_extension_too_long:
    return 413;
  case problem::unknown_coding:
    return 501;
  case problem::unsupported_version:
    return 505;
  default:
    return 400;
  }
}

boost::system::error_code error_of(problem trouble) noexcept {
  switch (trouble) {
  case problem::none:
    return {};
  case problem::target_too_long:
  case problem::head_too_large:
  case problem::too_many_fields:
    return error::head_too_large;
  case problem::body_too_large:
    return error::body_too_large;
  case problem::truncated:
    return error::connection_closed;
  default:
    return error::protocol_error;
  }
}

const char* text_of(problem trouble) noexcept {
  switch (trouble) {
  case problem::none:
    return "nothing is wrong";
  case problem::bad_line_break:
    return "a line does not end with CR LF";
  case problem::bad_start_line:
    return "the start line is malformed";
  case problem::bad_target:
    return "the request target is malformed";
  case problem::bad_version:
    return "the start line names no HTTP version";
  case problem::unsupported_version:
    return "only HTTP/1.0 and HTTP/1.1 are spoken here";
  case problem::bad_status:
    return "the status code is malformed";
  case problem::target_too_long:
    return "the request target is too long";
  case problem::head_too_large:
    return "the header fields are too long";
  case problem::too_many_fields:
    return "there are too many header fields";
  case problem::space_before_field:
    return "there is white space before the first field";
  case problem::space_before_colon:
    return "there is white space before a field's colon";
  case problem::bad_field_name:
    return "a field name is malformed";
  case problem::bad_field_value:
    return "a field value holds a control character";
  case problem::obs_fold:
    return "a field is folded over several lines";
  case problem::host_missing:
    return "the Host field is missing";
  case problem::host_repeated:
    return "there is more than one Host field";
  case problem::bad_host:
    return "the Host field is malformed";
  case problem::bad_length:
    return "the Content-Length field is malformed";
  case problem::lengths_differ:
    return "there are different Content-Length values";
  case problem::length_and_coding:
    return "there are both Content-Length and Transfer-Encoding";
  case problem::bad_coding:
    return "the Transfer-Encoding field is malformed";
  case problem::chunked_not_last:
    return "chunked is not the last transfer coding";
  case problem::unknown_coding:
    return "the only transfer coding spoken here is chunked";
  case problem::coding_before_http_1_1:
    return "HTTP/1.0 has no Transfer-Encoding";
  case problem::bad_chunk_size:
    return "a chunk size is malformed";
  case problem::bad_chunk_extension:
    return "a chunk extension is malformed";
  case problem::chunk_extension_too_long:
    return "the chunk extensions are too long";
  case problem::bad_chunk_end:
    return "a chunk does not end where it should";
  case problem::body_too_large:
    return "the body is too large";
  case problem::truncated:
    return "the message is incomplete";
  }
  return "the message is malformed";
}

} // namespace httpool::http1
