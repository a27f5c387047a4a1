// Colour for terminals; plain text stays as it is.
#pragma once

#include <string>
#include <string_view>

namespace demo {

class paint {
public:
  explicit paint(bool in_colour) : in_colour_(in_colour) {}

  std::string bold(std::string_view text) const { return with("1", text); }
  std::string dim(std::string_view text) const { return with("2", text); }
  std::string good(std::string_view text) const { return with("32", text); }
  std::string bad(std::string_view text) const { return with("1;31", text); }

  // One of a few backgrounds, so that neighbours can be told apart.
  std::string block(std::size_t which, std::string_view text) const {
    constexpr const char* codes[] = {"30;42", "30;43", "30;46", "30;45", "30;47"};
    return with(codes[which % std::size(codes)], text);
  }

private:
  std::string with(std::string_view code, std::string_view text) const {
    if (!in_colour_)
      return std::string(text);
    std::string painted = "\x1b[";
    painted.append(code).append("m").append(text).append("\x1b[0m");
    return painted;
  }

  bool in_colour_;
};

} // namespace demo
