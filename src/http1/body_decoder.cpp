#include "http1/body_decoder.hpp"

#include <algorithm>
#include <limits>

namespace httpool::http1 {

problem body_decoder::start(framing how, std::uint64_t max_body,
                            head_limits trailer_limits) noexcept {
  how_ = how;
  trouble_ = problem::none;
  left_ = 0;
  allowance_ = max_body;
  trailer_limits_ = trailer_limits;
  switch (how.kind) {
  case body_kind::none:
  case body_kind::tunnel:
    stage_ = stage::done;
    break;
  case body_kind::length:
    stage_ = stage::content;
    left_ = how.length;
    if (how.length > max_body)
      trouble_ = problem::body_too_large;
    break;
  case body_kind::until_close:
    stage_ = stage::content;
    left_ = std::numeric_limits<std::uint64_t>::max();
    break;
  case body_kind::chunked:
    stage_ = stage::chunk_header;
    header_.reset();
    break;
  }
  return trouble_;
}

std::uint64_t body_decoder::direct() const noexcept {
  if (stage_ != stage::content || trouble_ != problem::none)
    return 0;
  return left_;
}

problem body_decoder::took(std::uint64_t bytes) noexcept {
  if (how_.kind == body_kind::until_close) {
    if (bytes > allowance_)
      trouble_ = problem::body_too_large;
    else
      allowance_ -= bytes;
    return trouble_;
  }
  left_ -= bytes;
  if (left_ == 0)
    stage_ = how_.kind == body_kind::chunked ? stage::chunk_cr : stage::done;
  return problem::none;
}

void body_decoder::end_chunk_header() noexcept {
  left_ = header_.size();
  header_.next();
  if (left_ > allowance_) {
    trouble_ = problem::body_too_large;
  } else if (left_ == 0) {
    stage_ = stage::trailers;
    scanner_.reset(field_scanner::folding::refuse, trailer_limits_.fields);
    section_.clear();
    lines_.clear();
  } else {
    allowance_ -= left_;
    stage_ = stage::content;
  }
}

std::size_t body_decoder::decode(std::string_view in, std::string& body, fields& trailers) {
  const std::size_t all = in.size();
  while (!in.empty() && trouble_ == problem::none) {
    std::size_t used = 1;
    switch (stage_) {
    case stage::content:
      used = static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size()));
      if (took(used) == problem::none)
        body.append(in.substr(0, used));
      break;
    case stage::chunk_header:
      used = header_.parse(in);
      trouble_ = header_.trouble();
      if (header_.done() && trouble_ == problem::none)
        end_chunk_header();
      break;
    case stage::chunk_cr:
      stage_ = stage::chunk_lf;
      if (in.front() != '\r')
        trouble_ = problem::bad_chunk_end;
      break;
    case stage::chunk_lf:
      stage_ = stage::chunk_header;
      if (in.front() != '\n')
        trouble_ = problem::bad_chunk_end;
      break;
    case stage::trailers:
      used = decode_trailers(in, trailers);
      break;
    case stage::done:
      return all - in.size();
    }
    in.remove_prefix(used);
  }
  return all - in.size();
}

// The section is gathered first, since its lines must not be scattered over read buffers. Who looks
// at the trailers before their end, or after something was wrong with them, finds none.
std::size_t body_decoder::decode_trailers(std::string_view in, fields& trailers) {
  const std::size_t before = section_.size();
  section_.append(in.substr(0, trailer_limits_.bytes - before));
  switch (scanner_.scan(section_, lines_)) {
  case progress::failed:
    trouble_ = scanner_.trouble();
    break;
  case progress::need_more:
    if (section_.size() >= trailer_limits_.bytes)
      trouble_ = problem::head_too_large;
    break;
  case progress::done:
    const std::size_t empty_line = 2;
    stage_ = stage::done;
    message_access::buffer(trailers).assign(section_, 0, scanner_.size() - empty_line);
    message_access::table(trailers).swap(lines_);
    return scanner_.size() - before;
  }
  return section_.size() - before;
}

problem body_decoder::end_of_stream() noexcept {
  if (trouble_ == problem::none && stage_ != stage::done) {
    if (how_.kind == body_kind::until_close)
      stage_ = stage::done;
    else
      trouble_ = problem::truncated;
  }
  return trouble_;
}

} // namespace httpool::http1
