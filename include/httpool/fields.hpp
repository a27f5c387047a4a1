/// \file
/// The header or trailer fields of a message, in one flat buffer.
#pragma once

#include <httpool/detail/export.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace httpool {

namespace http1 {
struct message_access;
}

class request;
class response;

/// One field line: its name as it was written, and its value without the white space around it.
/// Both point into the `fields` that it came from and hold until that is changed.
struct field {
  std::string_view name;  ///< In the case it was written in; two that differ in it are equal.
  std::string_view value; ///< May be empty.
};

/// The fields of a message in the order they were added (RFC 9110 §5), kept as they go on the wire:
/// one buffer of field lines and a table of offsets into it.
///
/// Names compare without regard to case. Looking up allocates nothing. `clear()` keeps the memory,
/// so that a message that is used again allocates nothing either.
///
/// What is in here can always be sent: every function that takes a name or a value throws
/// `boost::system::system_error` with `error::invalid_request`, and changes nothing, if the name is
/// not a token or the value holds a control character other than a tab (RFC 9110 §5.1, §5.5). A
/// line break can so never reach a peer. White space around a value is dropped.
///
/// Names and values given may point into the very object that is changed.
///
/// \par Thread safety
/// Distinct objects: safe. Shared objects: unsafe, but for concurrent const access.
///
/// \code
/// httpool::fields headers;
/// headers.set("Accept", "text/plain");
/// headers.add("Via", "1.1 relay");
/// for (httpool::field line : headers)
///   std::cout << line.name << '=' << line.value << '\n';
/// \endcode
class HTTPOOL_EXPORT fields {
public:
  class iterator;
  using const_iterator = iterator;
  using value_type = field;

  /// No fields; allocates nothing.
  fields() noexcept = default;
  fields(const fields&) = default;
  fields& operator=(const fields&) = default;
  /// Takes the other's memory; the other is empty then.
  fields(fields&& other) noexcept;
  fields& operator=(fields&& other) noexcept;
  ~fields() = default;

  /// How many field lines there are.
  std::size_t size() const noexcept { return table_.size(); }
  bool empty() const noexcept { return table_.empty(); }

  /// The line at `index`, which is less than `size()`.
  field operator[](std::size_t index) const noexcept;

  iterator begin() const noexcept;
  iterator end() const noexcept;

  /// The first line of that name, or `end()`.
  iterator find(std::string_view name) const noexcept;

  /// How many lines have that name.
  std::size_t count(std::string_view name) const noexcept;

  /// Whether a line has that name.
  bool contains(std::string_view name) const noexcept;

  /// The value of the first line of that name, or `otherwise` if there is none.
  std::string_view value(std::string_view name, std::string_view otherwise = {}) const noexcept;

  /// Whether a line of that name, taken as a comma-separated list (RFC 9110 §5.6.1), has `token` as
  /// an element, without regard to case: `has_token("Connection", "close")`.
  bool has_token(std::string_view name, std::string_view token) const noexcept;

  /// Adds a line at the end, even if there is one of that name.
  void add(std::string_view name, std::string_view value);

  /// Makes this the only line of that name: in the place of the first one, or else at the end.
  void set(std::string_view name, std::string_view value);

  /// Removes all lines of that name and says how many there were.
  std::size_t erase(std::string_view name);

  /// Removes every line and keeps the memory.
  void clear() noexcept;

  /// Makes room for `lines` lines of together `bytes` bytes, line ends included.
  void reserve(std::size_t bytes, std::size_t lines);

private:
  friend class request;
  friend class response;
  friend struct http1::message_access;

  // Offsets count from the first field line, so that a start line before it may change its length.
  struct entry {
    std::uint32_t name_offset;
    std::uint32_t name_size;
    std::uint32_t value_offset;
    std::uint32_t value_size;
  };

  std::size_t find_index(std::string_view name, std::size_t from) const noexcept;
  std::size_t line_end(std::size_t index) const noexcept;
  bool holds(std::string_view text) const noexcept;
  void replace_line(std::size_t index, std::string_view name, std::string_view value);
  void erase_line(std::size_t index) noexcept;
  std::string_view start_line() const noexcept;
  void start_line(std::string_view line);

  std::string buffer_;
  std::vector<entry> table_;
  std::size_t start_size_ = 0;
};

/// Goes through the lines of `fields`; yields each as a `field` by value.
class fields::iterator {
  class arrow {
  public:
    explicit arrow(field line) noexcept : line_(line) {}
    const field* operator->() const noexcept { return &line_; }

  private:
    field line_;
  };

public:
  using iterator_concept = std::forward_iterator_tag;
  using iterator_category = std::input_iterator_tag;
  using difference_type = std::ptrdiff_t;
  using value_type = field;
  using reference = field;
  using pointer = arrow;

  iterator() noexcept = default;
  field operator*() const noexcept { return (*fields_)[index_]; }
  arrow operator->() const noexcept { return arrow(**this); }
  iterator& operator++() noexcept {
    ++index_;
    return *this;
  }
  iterator operator++(int) noexcept {
    iterator before = *this;
    ++index_;
    return before;
  }
  bool operator==(const iterator&) const noexcept = default;

private:
  friend class fields;
  iterator(const fields* owner, std::size_t index) noexcept : fields_(owner), index_(index) {}

  const fields* fields_ = nullptr;
  std::size_t index_ = 0;
};

inline field fields::operator[](std::size_t index) const noexcept {
  const entry& at = table_[index];
  const char* const base = buffer_.data() + start_size_;
  return {{base + at.name_offset, at.name_size}, {base + at.value_offset, at.value_size}};
}

inline fields::iterator fields::begin() const noexcept {
  return {this, 0};
}
inline fields::iterator fields::end() const noexcept {
  return {this, table_.size()};
}

} // namespace httpool
