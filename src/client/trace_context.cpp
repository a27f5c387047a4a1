#include <httpool/trace_context.hpp>

#include <algorithm>
#include <span>

namespace httpool {
namespace {

constexpr std::string_view digits = "0123456789abcdef";
constexpr std::uint8_t defined_flags = 0x01; // sampled
constexpr std::size_t field_size = 2 + 1 + 32 + 1 + 16 + 1 + 2;

/// Capital letters are malformed (§3.2.2.3).
bool read_hex(std::string_view text, std::span<std::uint8_t> out) noexcept {
  for (std::size_t i = 0; i != out.size(); ++i) {
    const std::size_t high = digits.find(text[2 * i]), low = digits.find(text[2 * i + 1]);
    if (high == digits.npos || low == digits.npos)
      return false;
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

void append_hex(std::string& out, std::span<const std::uint8_t> bytes) {
  for (const std::uint8_t each : bytes) {
    out += digits[each >> 4];
    out += digits[each & 15];
  }
}

bool is_zero(std::span<const std::uint8_t> bytes) noexcept {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t each) { return each == 0; });
}

} // namespace

bool trace_context::is_valid() const noexcept {
  return !is_zero(trace_id) && !is_zero(parent_id);
}

std::optional<trace_context> trace_context::parse(std::string_view field) noexcept {
  trace_context read;
  std::uint8_t version = 0;
  if (field.size() < field_size || field[2] != '-' || field[35] != '-' || field[52] != '-')
    return std::nullopt;
  const bool is_hex = read_hex(field, {&version, 1}) && read_hex(field.substr(3), read.trace_id) &&
                      read_hex(field.substr(36), read.parent_id) &&
                      read_hex(field.substr(53), {&read.flags, 1});
  const bool is_longer = field.size() > field_size;
  if (!is_hex || version == 0xff || !read.is_valid() ||
      (is_longer && (version == 0 || field[field_size] != '-')))
    return std::nullopt;
  return read;
}

std::string trace_context::to_string() const {
  std::string text = "00-";
  append_hex(text, trace_id);
  text += '-';
  append_hex(text, parent_id);
  text += '-';
  const std::uint8_t known = flags & defined_flags;
  append_hex(text, {&known, 1});
  return text;
}

} // namespace httpool
