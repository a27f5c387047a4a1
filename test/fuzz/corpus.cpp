#include "fuzz/corpus.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace httpool_fuzz {
namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in)
    throw std::runtime_error(file.string() + ": cannot be read");
  return std::string(std::istreambuf_iterator<char>(in), {});
}

/// What a quoted token of a dictionary stands for.
std::string unescape(const std::string& text) {
  std::string token;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      token += text[i];
    } else if (text[++i] == 'x') {
      token += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      token += text[i];
    }
  }
  return token;
}

} // namespace

std::vector<std::string> read_corpus(const fs::path& directory) {
  std::vector<fs::path> files;
  if (fs::is_directory(directory))
    std::copy(fs::directory_iterator(directory), {}, std::back_inserter(files));
  if (files.empty())
    throw std::runtime_error(directory.string() + ": no corpus");
  std::sort(files.begin(), files.end());
  std::vector<std::string> inputs;
  std::transform(files.begin(), files.end(), std::back_inserter(inputs), contents);
  return inputs;
}

std::vector<std::string> read_dictionary(const fs::path& file) {
  std::vector<std::string> tokens;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const std::size_t begin = line.find('"');
    const std::size_t end = line.rfind('"');
    if (begin != std::string::npos && end > begin && line[0] != '#')
      tokens.push_back(unescape(line.substr(begin + 1, end - begin - 1)));
  }
  if (tokens.empty())
    throw std::runtime_error(file.string() + ": no tokens");
  return tokens;
}

} // namespace httpool_fuzz
