#include "http1/chars.hpp"
#include "http1/invalid.hpp"
#include "http1/scan.hpp"

#include <httpool/fields.hpp>

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

namespace httpool {
namespace {

constexpr std::string_view separator = ": ";
constexpr std::string_view line_break = "\r\n";

// What a head has room for at first: most need no more.
constexpr std::size_t usual_bytes = 240;
constexpr std::size_t usual_lines = 8;

void put_line(char* at, std::string_view name, std::string_view value) noexcept {
  at = std::copy(name.begin(), name.end(), at);
  at = std::copy_n(separator.begin(), separator.size(), at);
  at = std::copy(value.begin(), value.end(), at);
  std::copy_n(line_break.begin(), line_break.size(), at);
}

void check(std::string_view name, std::string_view value) {
  if (!http1::is_name(name))
    http1::throw_invalid("a field name is not a token");
  if (!http1::is_text(value))
    http1::throw_invalid("a field value holds a control character");
}

} // namespace

fields::fields(fields&& other) noexcept
    : buffer_(std::move(other.buffer_)),
      table_(std::move(other.table_)),
      start_size_(std::exchange(other.start_size_, 0)) {
  other.buffer_.clear();
  other.table_.clear();
}

fields& fields::operator=(fields&& other) noexcept {
  if (this != &other) {
    buffer_ = std::move(other.buffer_);
    table_ = std::move(other.table_);
    start_size_ = std::exchange(other.start_size_, 0);
    other.buffer_.clear();
    other.table_.clear();
  }
  return *this;
}

std::size_t fields::find_index(std::string_view name, std::size_t from) const noexcept {
  const char* base = buffer_.data() + start_size_;
  for (std::size_t i = from; i < table_.size(); ++i)
    if (table_[i].name_size == name.size() &&
        http1::same_name({base + table_[i].name_offset, name.size()}, name))
      return i;
  return table_.size();
}

fields::iterator fields::find(std::string_view name) const noexcept {
  return {this, find_index(name, 0)};
}

std::size_t fields::count(std::string_view name) const noexcept {
  std::size_t found = 0;
  for (std::size_t i = find_index(name, 0); i < table_.size(); i = find_index(name, i + 1))
    ++found;
  return found;
}

bool fields::contains(std::string_view name) const noexcept {
  return find_index(name, 0) < table_.size();
}

std::string_view fields::value(std::string_view name, std::string_view otherwise) const noexcept {
  const std::size_t index = find_index(name, 0);
  return index < table_.size() ? (*this)[index].value : otherwise;
}

bool fields::has_token(std::string_view name, std::string_view token) const noexcept {
  for (std::size_t i = find_index(name, 0); i < table_.size(); i = find_index(name, i + 1)) {
    std::string_view list = (*this)[i].value;
    while (!list.empty())
      if (http1::same_name(http1::next_element(list), token))
        return true;
  }
  return false;
}

bool fields::holds(std::string_view text) const noexcept {
  const std::less<const char*> before;
  return !text.empty() && !before(text.data(), buffer_.data()) &&
         before(text.data(), buffer_.data() + buffer_.size());
}

void fields::add(std::string_view name, std::string_view value) {
  value = http1::trim(value);
  check(name, value);
  if (holds(name) || holds(value))
    return add(std::string(name), std::string(value));

  const std::size_t line = buffer_.size() - start_size_;
  const std::size_t line_size = name.size() + separator.size() + value.size() + line_break.size();
  if (line_size > std::numeric_limits<std::uint32_t>::max() - line)
    http1::throw_invalid("the fields are longer than 4 GiB");
  if (table_.capacity() == 0) {
    buffer_.reserve(start_size_ + usual_bytes);
    table_.reserve(usual_lines);
  }
  buffer_.reserve(buffer_.size() + line_size);
  table_.push_back({static_cast<std::uint32_t>(line), static_cast<std::uint32_t>(name.size()),
                    static_cast<std::uint32_t>(line + name.size() + separator.size()),
                    static_cast<std::uint32_t>(value.size())});
  buffer_.resize(buffer_.size() + line_size);
  put_line(buffer_.data() + start_size_ + line, name, value);
}

void fields::set(std::string_view name, std::string_view value) {
  const std::size_t first = find_index(name, 0);
  if (first == table_.size())
    return add(name, value);

  value = http1::trim(value);
  check(name, value);
  if (holds(name) || holds(value))
    return set(std::string(name), std::string(value));
  for (std::size_t i = find_index(name, first + 1); i < table_.size(); i = find_index(name, i))
    erase_line(i);
  replace_line(first, name, value);
}

std::size_t fields::erase(std::string_view name) {
  if (holds(name))
    return erase(std::string(name));
  std::size_t erased = 0;
  for (std::size_t i = find_index(name, 0); i < table_.size(); i = find_index(name, i)) {
    erase_line(i);
    ++erased;
  }
  return erased;
}

void fields::clear() noexcept {
  buffer_.resize(start_size_);
  table_.clear();
}

void fields::reserve(std::size_t bytes, std::size_t lines) {
  buffer_.reserve(start_size_ + bytes);
  table_.reserve(lines);
}

std::size_t fields::line_end(std::size_t index) const noexcept {
  return index + 1 < table_.size() ? table_[index + 1].name_offset : buffer_.size() - start_size_;
}

void fields::erase_line(std::size_t index) noexcept {
  const std::uint32_t begin = table_[index].name_offset;
  const std::uint32_t size = static_cast<std::uint32_t>(line_end(index)) - begin;
  buffer_.erase(start_size_ + begin, size);
  table_.erase(table_.begin() + static_cast<std::ptrdiff_t>(index));
  for (std::size_t i = index; i < table_.size(); ++i) {
    table_[i].name_offset -= size;
    table_[i].value_offset -= size;
  }
}

void fields::replace_line(std::size_t index, std::string_view name, std::string_view value) {
  const std::uint32_t begin = table_[index].name_offset;
  const std::size_t old_size = line_end(index) - begin;
  const std::size_t new_size = name.size() + separator.size() + value.size() + line_break.size();
  if (new_size > std::numeric_limits<std::uint32_t>::max() - (buffer_.size() - start_size_))
    http1::throw_invalid("the fields are longer than 4 GiB");

  // Room first, then the text: the name and the value are written without a temporary.
  buffer_.replace(start_size_ + begin, old_size, new_size, '\0');
  put_line(buffer_.data() + start_size_ + begin, name, value);

  entry& line = table_[index];
  line.name_size = static_cast<std::uint32_t>(name.size());
  line.value_offset = static_cast<std::uint32_t>(begin + name.size() + separator.size());
  line.value_size = static_cast<std::uint32_t>(value.size());
  const auto shift = static_cast<std::uint32_t>(new_size - old_size); // wraps, as does its use
  for (std::size_t i = index + 1; i < table_.size(); ++i) {
    table_[i].name_offset += shift;
    table_[i].value_offset += shift;
  }
}

std::string_view fields::start_line() const noexcept {
  return std::string_view(buffer_).substr(0, start_size_);
}

void fields::start_line(std::string_view line) {
  buffer_.replace(0, start_size_, line);
  start_size_ = line.size();
}

} // namespace httpool
