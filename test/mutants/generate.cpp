// mutants_generate FROM TO LIST FILE...: rewrites the files of one folder into another, with all
// their mutants, and lists these: number, file, line, rule, how many of its kind came before, text.

#include "mutants/files.hpp"
#include "mutants/rewrite.hpp"

#include <exception>
#include <fstream>
#include <iostream>

namespace {

std::ofstream open_for_writing(const std::string& file) {
  std::ofstream out(file);
  out.exceptions(std::ios::failbit | std::ios::badbit);
  return out;
}

} // namespace

int main(int argc, char** argv) try {
  if (argc < 5) {
    std::cerr << "usage: mutants_generate FROM TO LIST FILE...\n";
    return 2;
  }
  const std::string from = argv[1], to = argv[2];
  std::vector<mutants::mutant> all;
  for (int i = 4; i != argc; ++i) {
    const std::string file = argv[i];
    open_for_writing(to + "/" + file)
        << mutants::rewrite(mutants::contents_of(from + "/" + file), file, all);
  }
  std::ofstream list = open_for_writing(argv[3]);
  for (std::size_t i = 0; i != all.size(); ++i) {
    const mutants::mutant& m = all[i];
    list << i + 1 << '\t' << m.file << '\t' << m.line << '\t' << m.rule << '\t' << m.nth << '\t'
         << m.text << '\n';
  }
} catch (const std::exception& e) {
  std::cerr << "mutants_generate: " << e.what() << '\n';
  return 1;
}
