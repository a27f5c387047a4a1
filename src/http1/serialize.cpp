#include "http1/serialize.hpp"

#include "http1/authority.hpp"
#include "http1/chars.hpp"
#include "http1/framing.hpp"
#include "http1/head_facts.hpp"
#include "http1/message_access.hpp"
#include "http1/persistence.hpp"

#include <httpool/error.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>

namespace httpool::http1 {
namespace {

constexpr std::string_view line_break = "\r\n";

// Adds to the end of a text, with one look at its room for many small pieces.
class appender {
public:
  explicit appender(std::string& out) : out_(out), size_(out.size()) {
    constexpr std::size_t usual_head = 256;
    out_.resize(size_ + usual_head);
  }
  appender(const appender&) = delete;
  appender& operator=(const appender&) = delete;
  ~appender() { out_.resize(size_); }

  // Small, so that what is known of a text is made use of.
  appender& operator<<(std::string_view text) {
    if (out_.size() - size_ < text.size())
      grow(text.size());
    std::copy(text.begin(), text.end(), out_.data() + size_);
    size_ += text.size();
    return *this;
  }

  appender& operator<<(std::uint64_t number) {
    std::array<char, 20> digits = {};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    return *this << std::string_view(digits.data(), end);
  }

private:
  [[gnu::noinline]] void grow(std::size_t more) {
    out_.resize(std::max(size_ + more, 2 * out_.size()));
  }

  std::string& out_;
  std::size_t size_; // of what is there, behind which there is room
};

void append_field(appender& out, std::string_view name, std::string_view value) {
  out << name << ": " << value << line_break;
}

void append_length(appender& out, std::uint64_t length) {
  out << "Content-Length: " << length << line_break;
}

// Methods whose requests say so when they have no content, RFC 9110 §8.6.
bool anticipates_content(std::string_view method) noexcept {
  return is_exactly(method, "POST") || is_exactly(method, "PUT") || is_exactly(method, "PATCH");
}

// A sender says a length once, RFC 9110 §8.6, though a recipient may take equal ones for one.
bool says_one_length(const fields& own) noexcept {
  return own.count("Content-Length") == 1 &&
         own.value("Content-Length").find(',') == std::string_view::npos;
}

// Framing, routing, and what has to be known before the content: RFC 9110 §6.5.1.
bool is_never_trailer(const field& line) noexcept {
  static constexpr std::string_view names[] = {
      "Authorization",
      "Connection",
      "Content-Encoding",
      "Content-Length",
      "Content-Range",
      "Content-Type",
      "Expect",
      "Host",
      "Keep-Alive",
      "Max-Forwards",
      "Proxy-Authorization",
      "Range",
      "Set-Cookie",
      "TE",
      "Trailer",
      "Transfer-Encoding",
      "Upgrade",
  };
  return std::any_of(std::begin(names), std::end(names),
                     [&](std::string_view name) { return same_name(line.name, name); });
}

// What the fields of a response say about what the server decides.
struct response_facts {
  bool has_ours = false; // a field that the server itself decides about
  bool has_date = false;
  bool wants_chunks = false;
  std::string_view length; // that of the first Content-Length
};

// A field of a response that the server itself decides about.
bool is_ours(std::string_view name) noexcept {
  return (name.size() == 10 && same_name(name, "Connection")) ||
         (name.size() == 14 && same_name(name, "Content-Length")) ||
         (name.size() == 17 && same_name(name, "Transfer-Encoding"));
}

response_facts gather_facts(const fields& own) noexcept {
  response_facts facts;
  for (const field line : own) {
    if (line.name.size() == 4)
      facts.has_date |= same_name(line.name, "Date");
    if (!is_ours(line.name))
      continue;
    facts.has_ours = true;
    if (line.name.size() == 14 && facts.length.empty())
      facts.length = line.value;
    if (line.name.size() == 17)
      facts.wants_chunks |= own.has_token("Transfer-Encoding", "chunked");
  }
  return facts;
}

// Everything that the response itself says and that is passed on, which is nearly always all of it.
void append_own_fields(appender& out, const fields& own, bool has_ours) {
  if (!has_ours) {
    out << message_access::wire(own);
    return;
  }
  for (std::size_t i = 0; i < own.size(); ++i)
    if (!is_ours(own[i].name))
      out << message_access::wire(own, i);
}

void append_date(appender& out, std::string_view date) {
  out << "Date: " << date << line_break;
}

void append_connection(appender& out, const response_context& context) {
  if (!context.keep_alive)
    append_field(out, "Connection", "close");
  else if (context.peer == http_version::http_1_0)
    append_field(out, "Connection", "keep-alive");
}

} // namespace

boost::system::error_code plan_head(const request& message, std::optional<std::uint64_t> length,
                                    request_head& out) noexcept {
  const fields& own = message.fields();
  const head_facts facts = gather(own);
  const bool chunked = facts.has_transfer || !message.trailers().empty() || !length;
  const fields& trailers = message.trailers();
  if (!is_target(message.method(), message.target()) || facts.trouble != problem::none ||
      facts.host_trouble != problem::none ||
      std::any_of(trailers.begin(), trailers.end(), is_never_trailer) ||
      (facts.has_transfer && facts.transfer != coding::chunked) ||
      (chunked && (facts.has_length || message.version() == http_version::http_1_0)) ||
      (facts.has_length && (facts.length != length || !says_one_length(own))))
    return error::invalid_request;

  out.form = chunked ? body_form::chunked : *length > 0 ? body_form::plain : body_form::none;
  out.length = length.value_or(0);
  out.lacks_host = facts.hosts == 0;
  out.lacks_coding = chunked && !facts.has_transfer;
  out.lacks_length =
      !chunked && !facts.has_length && (*length > 0 || anticipates_content(message.method()));
  out.keep_alive = keeps_alive(message.version(), facts.says_close, facts.says_keep_alive);
  out.expects_continue = facts.expects_continue;
  return {};
}

void append_head(std::string& out, const request& message, std::string_view host,
                 const request_head& plan) {
  appender head(out);
  const bool is_usual = plan.lacks_host && message.version() == http_version::http_1_1;
  head << message.method() << " " << message.target();
  if (is_usual)
    head << " HTTP/1.1\r\nHost: " << host << line_break;
  else
    head << (message.version() == http_version::http_1_1 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n");
  if (plan.lacks_host && !is_usual)
    append_field(head, "Host", host);
  head << message_access::wire(message.fields());
  if (plan.lacks_coding)
    append_field(head, "Transfer-Encoding", "chunked");
  if (plan.lacks_length)
    append_length(head, plan.length);
  head << line_break;
}

boost::system::error_code append_head(std::string& out, const request& message,
                                      std::string_view host, body_form& form) {
  request_head plan;
  if (const auto ec = plan_head(message, message.body().size(), plan))
    return ec;
  if (plan.lacks_host && !is_host(host))
    return error::invalid_request;
  append_head(out, message, host, plan);
  form = plan.form;
  return {};
}

body_form append_head(std::string& out, const response& message, const response_context& context) {
  const fields& own = message.fields();
  const response_facts facts = gather_facts(own);
  const unsigned status = message.status();
  // RFC 9110 §15.3.6: a 205 has no content.
  const std::size_t length = status == 205 ? 0 : message.body().size();
  const bool tunnel = context.to_connect && status / 100 == 2;
  const bool is_streamed = context.is_streamed && status != 205;
  const bool wants_chunks =
      is_streamed || (status != 205 && (facts.wants_chunks || !message.trailers().empty()));

  // HTTP/1.1 also to a client that speaks 1.0: the version tells what the sender can do (RFC 9110
  // §2.5).
  appender head(out);
  head << "HTTP/1.1 " << status << " " << message.reason() << line_break;
  append_own_fields(head, own, facts.has_ours);
  if (!context.date.empty() && !facts.has_date)
    append_date(head, context.date);
  append_connection(head, context);

  body_form form = body_form::none;
  const bool body_follows = !tunnel && may_have_body(status);
  if (body_follows && wants_chunks && context.peer == http_version::http_1_1) {
    append_field(head, "Transfer-Encoding", "chunked");
    form = body_form::chunked;
  } else if (body_follows && is_streamed) {
    form = body_form::plain;
  } else if ((status == 304 || (body_follows && context.to_head && length == 0)) &&
             !facts.length.empty() &&
             std::all_of(facts.length.begin(), facts.length.end(), is_digit)) {
    append_field(head, "Content-Length", facts.length);
  } else if (body_follows) {
    append_length(head, length);
    form = length > 0 ? body_form::plain : body_form::none;
  }
  head << line_break;
  return context.to_head ? body_form::none : form;
}

void append_chunk_size(std::string& out, std::uint64_t size) {
  std::array<char, 16> digits = {};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), size, 16).ptr;
  out.append(digits.data(), end).append(line_break);
}

void append_last_chunk(std::string& out, std::uint64_t last_size, const fields& trailers) {
  if (last_size > 0)
    out.append(line_break);
  out.append("0\r\n");
  for (std::size_t i = 0; i < trailers.size(); ++i)
    if (!is_never_trailer(trailers[i]))
      out.append(message_access::wire(trailers, i));
  out.append(line_break);
}

} // namespace httpool::http1
