#include "mutants/survivors.hpp"

#include "mutants/files.hpp"

#include <sstream>
#include <stdexcept>

namespace mutants {
namespace {

/// A cell of Markdown's tables cannot hold a bar of its own.
std::string cell(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2)
    text.insert(at, 1, '\\');
  return text;
}

std::vector<std::string> cells_of(const std::string& row) {
  std::vector<std::string> cells(1);
  for (std::size_t at = 1; at < row.size(); ++at) {
    if (row[at] == '|' && row[at - 1] != '\\')
      cells.emplace_back();
    else
      cells.back() += row[at];
  }
  for (std::string& c : cells) {
    const std::size_t from = c.find_first_not_of(" `"), to = c.find_last_not_of(" `");
    c = from == std::string::npos ? "" : c.substr(from, to - from + 1);
  }
  return cells;
}

} // namespace

std::vector<mutant> read_list(const std::string& file) {
  std::istringstream in(contents_of(file));
  std::vector<mutant> all;
  std::string line;
  while (std::getline(in, line)) {
    std::istringstream row(line);
    std::string number, place, nth;
    mutant m;
    std::getline(row, number, '\t');
    std::getline(row, m.file, '\t');
    std::getline(row, place, '\t');
    std::getline(row, m.rule, '\t');
    std::getline(row, nth, '\t');
    std::getline(row, m.text);
    m.line = std::stoul(place);
    m.nth = static_cast<unsigned>(std::stoul(nth));
    all.push_back(std::move(m));
  }
  return all;
}

survivors::survivors(const std::string& file) {
  std::istringstream in(contents_of(file));
  std::string line;
  while (std::getline(in, line)) {
    if (!line.starts_with("| `"))
      continue;
    const std::vector<std::string> cells = cells_of(line);
    if (cells.size() < 5)
      throw std::runtime_error(file + ": a row without five cells: " + line);
    reasons_[{cells[0], cells[1], cells[2], cells[3]}] = cells[4];
  }
}

std::string survivors::reason_for(const mutant& m) const {
  const auto found = reasons_.find({m.file, cell(m.text), cell(m.rule), std::to_string(m.nth)});
  return found == reasons_.end() ? std::string() : found->second;
}

std::string row_of(const mutant& m, const std::string& why) {
  return "| `" + m.file + "` | `" + cell(m.text) + "` | " + cell(m.rule) + " | " +
         std::to_string(m.nth) + " | " + why + " |";
}

} // namespace mutants
