#include "mutants/tokens.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <stdexcept>

namespace mutants {
namespace {

constexpr std::array<std::string_view, 24> long_marks = {
    "->*", "<=>", "...", "<<=", ">>=", "::", "->", "++", "--", "<<", ">>", "<=",
    ">=",  "==",  "!=",  "&&",  "||",  "+=", "-=", "*=", "/=", "%=", "|=", "&="};

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

class reader {
public:
  explicit reader(std::string_view source) : rest_(source) {}

  std::vector<token> read() {
    for (;;) {
      token next;
      next.before = skip_blanks();
      next.line = line_;
      if (rest_.empty()) {
        result_.push_back(next);
        break;
      }
      next.text = take(length_of_token(next.what));
      result_.push_back(next);
      match(result_.size() - 1);
    }
    if (!open_.empty())
      throw std::runtime_error("a bracket is not closed");
    return std::move(result_);
  }

private:
  std::string take(std::size_t length) {
    const std::string taken(rest_.substr(0, length));
    line_ += static_cast<std::size_t>(std::count(taken.begin(), taken.end(), '\n'));
    rest_.remove_prefix(taken.size());
    return taken;
  }

  /// A directive counts as blank: nothing in it is changed.
  std::string skip_blanks() {
    std::string blanks;
    while (!rest_.empty()) {
      if (std::isspace(static_cast<unsigned char>(rest_.front())) != 0)
        blanks += take(1);
      else if (rest_.starts_with("//") || rest_.starts_with("#"))
        blanks += take(rest_.find('\n'));
      else if (rest_.starts_with("/*"))
        blanks += take(rest_.find("*/") + 2);
      else
        break;
    }
    return blanks;
  }

  std::size_t length_of_token(token::kind& what) const {
    const char first = rest_.front();
    if (first == '"' || first == '\'') {
      what = token::kind::literal;
      std::size_t end = 1;
      while (rest_.at(end) != first)
        end += rest_[end] == '\\' ? 2 : 1;
      return end + 1;
    }
    if (is_word(first)) {
      what = std::isdigit(static_cast<unsigned char>(first)) != 0 ? token::kind::number
                                                                  : token::kind::word;
      std::size_t end = 1;
      while (end != rest_.size() &&
             (is_word(rest_[end]) || (what == token::kind::number && rest_[end] == '.')))
        ++end;
      return end;
    }
    what = token::kind::mark;
    const auto found = std::find_if(long_marks.begin(), long_marks.end(),
                                    [&](std::string_view m) { return rest_.starts_with(m); });
    return found == long_marks.end() ? 1 : found->size();
  }

  void match(std::size_t index) {
    token& t = result_[index];
    if (t.is("(") || t.is("[") || t.is("{"))
      open_.push_back(index);
    if (t.is(")") || t.is("]") || t.is("}")) {
      if (open_.empty())
        throw std::runtime_error("a bracket is not opened");
      t.partner = open_.back();
      result_[t.partner].partner = index;
      open_.pop_back();
    }
  }

  std::string_view rest_;
  std::size_t line_ = 1;
  std::vector<token> result_;
  std::vector<std::size_t> open_;
};

} // namespace

std::vector<token> tokens_of(std::string_view source) {
  return reader(source).read();
}

} // namespace mutants
