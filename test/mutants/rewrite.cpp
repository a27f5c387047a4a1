#include "mutants/rewrite.hpp"

#include "mutants/tokens.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <initializer_list>
#include <map>
#include <utility>

namespace mutants {
namespace {

/// The functions that only check: a mutant in them is no mutant of the pool.
constexpr std::string_view checker = "check_invariants";

struct comparison {
  std::string_view mark;
  std::string_view operation;
  std::array<std::pair<std::string_view, std::string_view>, 2> mutants; ///< Mark and operation.
};

constexpr std::array<comparison, 6> comparisons = {{
    {"==", "std::equal_to<>", {{{"!=", "std::not_equal_to<>"}}}},
    {"!=", "std::not_equal_to<>", {{{"==", "std::equal_to<>"}}}},
    {"<", "std::less<>", {{{"<=", "std::less_equal<>"}, {">=", "std::greater_equal<>"}}}},
    {"<=", "std::less_equal<>", {{{"<", "std::less<>"}, {">", "std::greater<>"}}}},
    {">", "std::greater<>", {{{">=", "std::greater_equal<>"}, {"<=", "std::less_equal<>"}}}},
    {">=", "std::greater_equal<>", {{{">", "std::greater<>"}, {"<", "std::less<>"}}}},
}};

class rewriter {
public:
  rewriter(std::string_view source, const std::string& file, std::vector<mutant>& all)
      : file_(file), tokens_(tokens_of(source)), all_(all) {
    for (std::string_view rest = source; !rest.empty();) {
      const std::size_t end = std::min(rest.find('\n'), rest.size() - 1);
      lines_.push_back(rest.substr(0, end));
      rest.remove_prefix(end + 1);
    }
  }

  std::string rewritten() {
    const std::size_t end = tokens_.size() - 1;
    return declarations(0, end) + tokens_[end].before;
  }

private:
  // A range of tokens is [from, to) throughout.

  bool is(std::size_t at, std::string_view text) const { return tokens_[at].is(text); }

  bool is_one_of(std::size_t at, std::initializer_list<std::string_view> texts) const {
    return std::find(texts.begin(), texts.end(), tokens_[at].text) != texts.end();
  }

  bool is_word(std::size_t at) const { return tokens_[at].what == token::kind::word; }

  bool opens(std::size_t at) const { return is_one_of(at, {"(", "[", "{"}); }

  /// A binary operator has space on both sides.
  bool is_binary(std::size_t at) const {
    return at != 0 && !tokens_[at].before.empty() && !tokens_[at + 1].before.empty();
  }

  std::string whole(std::size_t at) const { return tokens_[at].before + tokens_[at].text; }

  std::string as_it_was(std::size_t from, std::size_t to) const {
    std::string text;
    for (; from != to; ++from)
      text += whole(from);
    return text;
  }

  /// The token after this one, or after the bracket that it opens.
  std::size_t after(std::size_t at) const { return opens(at) ? tokens_[at].partner + 1 : at + 1; }

  /// The first token in the range, outside all brackets that open there, of which `wanted` holds.
  template <class Predicate>
  std::size_t find(std::size_t from, std::size_t to, Predicate wanted) const {
    while (from < to && !wanted(from))
      from = after(from);
    return std::min(from, to);
  }

  std::size_t find_mark(std::size_t from, std::size_t to, std::string_view mark) const {
    return find(from, to, [&](std::size_t at) { return is(at, mark); });
  }

  bool has(std::size_t from, std::size_t to, std::string_view text) const {
    return std::any_of(tokens_.begin() + std::ptrdiff_t(from), tokens_.begin() + std::ptrdiff_t(to),
                       [&](const token& t) { return t.is(text); });
  }

  /// Takes down a mutant; its number, as the source is to say it.
  std::string add(std::size_t at, std::string rule) {
    std::string text(lines_.at(tokens_[at].line - 1));
    text.erase(0, text.find_first_not_of(' '));
    const unsigned nth = ++same_[rule + '\t' + text];
    all_.push_back({file_, tokens_[at].line, std::move(rule), std::move(text), nth});
    return std::to_string(all_.size()) + "u";
  }

  // Declarations ----------------------------------------------------------------------------------

  std::string declarations(std::size_t from, std::size_t to) {
    std::string text;
    std::size_t start = from;
    while (from != to) {
      if (is(from, "{")) {
        const std::size_t end = tokens_[from].partner;
        text += whole(from) + braced(start, from) + whole(end);
        from = start = end + 1;
      } else {
        const bool ends = is_one_of(from, {";", ":"}) && !is_function(start, from);
        text += whole(from++);
        if (ends)
          start = from;
      }
    }
    return text;
  }

  /// What stands between braces that a declaration, which begins at `start`, opens at `at`.
  std::string braced(std::size_t start, std::size_t at) {
    const std::size_t from = at + 1, to = tokens_[at].partner;
    if (is(start, "template")) {
      int depth = 0;
      do {
        ++start;
        depth += is(start, "<") - is(start, ">") - 2 * is(start, ">>");
      } while (depth > 0);
      ++start;
    }
    if (is_one_of(start, {"namespace", "class", "struct"}))
      return declarations(from, to);
    const bool is_initializer =
        is_word(at - 1) && find_mark(start, at, ":") != at && !is(at - 1, "try");
    if (is_one_of(start, {"enum", "union"}) || !is_function(start, at) || is_initializer ||
        has(start, at, checker) || has(start, at, "constexpr") || has(start, at, "="))
      return as_it_was(from, to);
    return statements(from, to);
  }

  bool is_function(std::size_t start, std::size_t end) const {
    return find_mark(start, end, "(") != end;
  }

  // Statements ------------------------------------------------------------------------------------

  std::string statements(std::size_t from, std::size_t to) {
    std::string text;
    while (from != to)
      text += statement(from, to);
    return text;
  }

  /// Or a part of one, such as `if (condition)` without what it governs. Moves `from` behind it.
  std::string statement(std::size_t& from, std::size_t to) {
    const std::size_t first = from;
    if (is(first, "{")) {
      from = after(first);
      return whole(first) + statements(first + 1, from - 1) + whole(from - 1);
    }
    if (is_one_of(first, {"else", "do", "try", ";"}))
      return whole(from++);
    if (is_one_of(first, {"case", "default"})) {
      from = find_mark(first, to, ":") + 1;
      return as_it_was(first, from);
    }
    if (is_one_of(first, {"if", "while", "for", "switch", "catch"}))
      return header(from);
    const std::size_t end = find_mark(first, to, ";");
    from = std::min(end + 1, to);
    const std::string closing = end == to ? "" : whole(end);
    const bool is_in_some_builds_only = tokens_[first].before.find('#') != std::string::npos;
    if (is_in_some_builds_only || is_one_of(first, {"struct", "class", "using", "static",
                                                    "constexpr", "static_assert", "assert"}))
      return as_it_was(first, from);
    if (is_one_of(first, {"return", "co_return"}))
      return whole(first) + expression(first + 1, end) + closing;
    if (!can_go(first, end))
      return expression(first, end) + closing;
    const std::string id = add(first, "statement removed");
    return "{if(!mutants::is_on(" + id + "))" + expression(first, end) + closing + "}";
  }

  /// Whether these tokens are a statement that declares nothing.
  bool can_go(std::size_t first, std::size_t end) const {
    if (is_one_of(first, {"break", "continue"}))
      return true;
    if (is_one_of(first, {"++", "--", "*", "delete"}))
      return true;
    if (!is_word(first) || is_one_of(first, {"const", "auto", "throw", "co_await"}) ||
        has(first, end, "co_await"))
      return false;
    std::size_t at = first; // A name, and what makes more of it than a type.
    while (at + 2 < end && is_word(at) && is_one_of(at + 1, {"::", ".", "->"}))
      at += 2;
    return is_word(at) && at + 1 < end &&
           is_one_of(at + 1, {"(", "[", "=", "+=", "-=", "|=", "&=", "++", "--"});
  }

  std::string header(std::size_t& from) {
    const std::size_t keyword = from;
    std::size_t open = keyword + 1;
    if (is(open, "constexpr"))
      ++open;
    const std::size_t close = tokens_[open].partner;
    from = close + 1;
    std::string inside;
    if (is(keyword, "catch") || open != keyword + 1)
      inside = as_it_was(open + 1, close);
    else if (is_one_of(keyword, {"if", "while"}))
      inside = condition(open + 1, close, is(keyword, "while"));
    else
      inside = expression(open + 1, close);
    return as_it_was(keyword, open + 1) + inside + whole(close);
  }

  std::string condition(std::size_t from, std::size_t to, bool is_loop) {
    const std::size_t semicolon = find_mark(from, to, ";");
    if (semicolon != to)
      return expression(from, semicolon) + whole(semicolon) + condition(semicolon + 1, to, is_loop);
    if (find_mark(from, to, "=") != to || has(from, to, "co_await"))
      return expression(from, to);
    // A declaration such as `T* t = f()` was told by its `=`.
    std::string id;
    if (!is_loop)
      id = add(from, "condition is true");
    const std::string second = add(from, "condition is false");
    return (is_loop ? "mutants::loop_condition(" + second : "mutants::condition(" + id) +
           ",static_cast<bool>(" + expression(from, to) + "))";
  }

  // Expressions -----------------------------------------------------------------------------------

  /// Also what declares and assigns: parts that end with an operator of the lowest precedence.
  std::string expression(std::size_t from, std::size_t to) {
    const std::size_t end = find(from, to, [&](std::size_t at) {
      return is_one_of(at, {",", ";", "=", "+=", "-=", "|=", "?", ":"});
    });
    if (end == to)
      return logic(from, to);
    if (is(end, "?") && !has(from, end, "co_await"))
      return std::string(1, ' ') + condition(from, end, false) + whole(end) +
             expression(end + 1, to);
    if (is_one_of(end, {"+=", "-="})) {
      const std::string id = add(end, is(end, "+=") ? "+= to -=" : "-= to +=");
      return logic(from, end) + whole(end) + " mutants::negated(" + id + "," +
             expression(end + 1, to) + ")";
    }
    return logic(from, end) + whole(end) + expression(end + 1, to);
  }

  std::string logic(std::size_t from, std::size_t to) {
    for (const std::string_view mark : {"||", "&&"}) {
      std::size_t last = to; // `a && b && c` is (a && b) && c
      find(from, to, [&](std::size_t at) {
        if (is(at, mark) && is_binary(at))
          last = at;
        return false;
      });
      if (last == to)
        continue;
      if (has(from, to, "co_await"))
        return as_it_was(from, to);
      const bool is_and = mark == "&&";
      const std::string id = add(last, is_and ? "&& to ||" : "|| to &&");
      add(last, is_and ? "right of && is true" : "right of || is false");
      add(last, is_and ? "left of && is true" : "left of || is false");
      return (is_and ? " mutants::both(" : " mutants::either(") + id +
             ",[&]()->bool{return static_cast<bool>(" + logic(from, last) +
             ");},[&]()->bool{return static_cast<bool>(" + logic(last + 1, to) + ");})";
    }
    return operands(from, to);
  }

  std::string operands(std::size_t from, std::size_t to) {
    std::string text;
    while (from != to) {
      if (opens(from)) {
        const std::size_t close = tokens_[from].partner;
        text += whole(from);
        text += is(from, "{") && is_body(from) ? statements(from + 1, close)
                                               : expression(from + 1, close);
        text += whole(close);
        from = close + 1;
      } else if (is(from, "std") && is(from + 1, "::") && is_one_of(from + 2, {"min", "max"}) &&
                 is(from + 3, "(")) {
        const bool is_min = is(from + 2, "min");
        text += tokens_[from].before + (is_min ? "mutants::least{" : "mutants::greatest{") +
                add(from, is_min ? "min to max" : "max to min") + "}";
        from += 3;
      } else {
        text += tokens_[from].before + operation(from);
        ++from;
      }
    }
    return text;
  }

  /// Of a lambda; other braces initialise.
  bool is_body(std::size_t at) const {
    std::size_t before = at - 1;
    while (is_word(before) || is_one_of(before, {"::", "<", ">", "&", "*", "->"}))
      --before;
    return is_one_of(before, {")", "]"}) &&
           (before + 1 == at || is_word(at - 1) || is(at - 1, ">"));
  }

  /// One token that is no bracket.
  std::string operation(std::size_t at) {
    const token& t = tokens_[at];
    if (t.is("true") || t.is("false"))
      return "mutants::flipped(" + add(at, t.is("true") ? "true to false" : "false to true") + "," +
             t.text + ")";
    if (t.is("!"))
      return "mutants::no{" + add(at, "! removed") + "}->*";
    if (t.is("++") || t.is("--"))
      return step(at);
    if (!is_binary(at))
      return t.text;
    if (t.is("+") || t.is("-"))
      return t.text + " mutants::sum{" + add(at, t.is("+") ? "+ to -" : "- to +") + "} " + t.text;
    for (const comparison& c : comparisons) {
      if (!t.is(c.mark))
        continue;
      std::string id, operations(c.operation);
      for (const auto& [mark, operation] : c.mutants) {
        if (mark.empty())
          continue;
        const std::string number = add(at, t.text + " to " + std::string(mark));
        id = id.empty() ? number : id;
        operations += ",";
        operations += operation;
      }
      return t.text + " mutants::compared<" + operations + ">{" + id + "} " + t.text;
    }
    return t.text;
  }

  /// That of a postfix operator would change what the expression is worth.
  std::string step(std::size_t at) {
    const token& t = tokens_[at];
    if (!tokens_[at + 1].before.empty() || !(is_word(at + 1) || is(at + 1, "(")))
      return t.text;
    return t.is("++") ? "mutants::up{" + add(at, "++ to --") + "}->*"
                      : "mutants::down{" + add(at, "-- to ++") + "}->*";
  }

  const std::string& file_;
  std::vector<token> tokens_;
  std::vector<std::string_view> lines_;
  std::vector<mutant>& all_;
  std::map<std::string, unsigned> same_;
};

} // namespace

std::string rewrite(std::string_view source, const std::string& file, std::vector<mutant>& all) {
  return "#include \"mutants/switch.hpp\"\n#line 1 \"" + file + "\"\n" +
         rewriter(source, file, all).rewritten();
}

} // namespace mutants
