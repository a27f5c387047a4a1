#include "http1/field_scanner.hpp"

#include "http1/chars.hpp"
#include "http1/scan.hpp"

namespace httpool::http1 {

namespace {

const char* end_of_token(const char* p, const char* end) noexcept {
  p = end_of_word(p, end);
  while (p != end && is(*p, token_char))
    ++p;
  return p;
}

} // namespace

void field_scanner::reset(folding rule, std::size_t max_fields) noexcept {
  position_ = 0;
  line_ = 0;
  max_fields_ = max_fields;
  folds_.clear();
  rule_ = rule;
  stage_ = stage::line_start;
  folded_ = false;
  trouble_ = problem::none;
}

inline progress field_scanner::fail(problem what) noexcept {
  trouble_ = what;
  return progress::failed;
}

inline progress field_scanner::pause(const cursor& in, stage where) noexcept {
  position_ = static_cast<std::size_t>(in.at - in.begin);
  stage_ = where;
  return progress::need_more;
}

inline progress field_scanner::end_value(cursor& in, std::vector<message_access::entry>& table) {
  in.at = find_control(in.at, in.end);
  if (in.at == in.end)
    return pause(in, stage::value);
  if (*in.at != '\r')
    return fail(*in.at == '\n' ? problem::bad_line_break : problem::bad_field_value);
  if (in.end - in.at < 2)
    return pause(in, stage::value);
  if (in.at[1] != '\n')
    return fail(problem::bad_line_break);

  const char* last = in.at;
  const char* first = in.begin + value_;
  while (last != first && is_space(last[-1]))
    --last;
  in.at += 2;
  if (folded_) {
    table.back().value_size =
        static_cast<std::uint32_t>(last - in.begin) - table.back().value_offset;
    return progress::done;
  }
  if (table.size() == max_fields_)
    return fail(problem::too_many_fields);
  table.push_back({static_cast<std::uint32_t>(line_), name_size_,
                   static_cast<std::uint32_t>(value_), static_cast<std::uint32_t>(last - first)});
  return progress::done;
}

progress field_scanner::scan(std::string_view section, std::vector<message_access::entry>& table) {
  cursor in{section.data(), section.data() + position_, section.data() + section.size()};
  stage next = stage_;
  for (;;) {
    switch (next) {
    case stage::line_start:
      if (in.at == in.end)
        return pause(in, next);
      if (*in.at == '\r') {
        if (in.end - in.at < 2)
          return pause(in, next);
        if (in.at[1] != '\n')
          return fail(problem::bad_line_break);
        position_ = static_cast<std::size_t>(in.at - in.begin) + 2;
        return progress::done;
      }
      if (is_space(*in.at)) {
        if (table.empty())
          return fail(problem::space_before_field);
        if (rule_ == folding::refuse)
          return fail(problem::obs_fold);
        folds_.push_back(static_cast<std::uint32_t>(in.at - in.begin - 2));
        folded_ = true;
        next = stage::value;
        break;
      }
      line_ = static_cast<std::size_t>(in.at - in.begin);
      folded_ = false;
      [[fallthrough]];

    case stage::name:
      in.at = end_of_token(in.at, in.end);
      if (in.at == in.end)
        return pause(in, stage::name);
      name_size_ =
          static_cast<std::uint32_t>(in.at - in.begin - static_cast<std::ptrdiff_t>(line_));
      if (*in.at != ':' || name_size_ == 0)
        return fail(is_space(*in.at) ? problem::space_before_colon : problem::bad_field_name);
      ++in.at;
      [[fallthrough]];

    case stage::before_value:
      while (in.at != in.end && is_space(*in.at))
        ++in.at;
      if (in.at == in.end)
        return pause(in, stage::before_value);
      value_ = static_cast<std::size_t>(in.at - in.begin);
      [[fallthrough]];

    case stage::value:
      if (const progress step = end_value(in, table); step != progress::done)
        return step;
      next = stage::line_start;
      break;
    }
  }
}

void field_scanner::unfold(char* section,
                           std::vector<message_access::entry>& table) const noexcept {
  if (folds_.empty())
    return;
  for (const std::uint32_t at : folds_)
    section[at] = section[at + 1] = ' ';
  for (message_access::entry& line : table) {
    const std::string_view value = trim({section + line.value_offset, line.value_size});
    line.value_offset = static_cast<std::uint32_t>(
        value.empty() ? line.value_offset : static_cast<std::size_t>(value.data() - section));
    line.value_size = static_cast<std::uint32_t>(value.size());
  }
}

} // namespace httpool::http1
