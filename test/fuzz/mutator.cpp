#include "fuzz/mutator.hpp"

#include <algorithm>
#include <utility>

namespace httpool_fuzz {

mutator::mutator(std::vector<std::string> inputs, std::vector<std::string> tokens)
    : inputs_(std::move(inputs)), tokens_(std::move(tokens)) {}

std::string mutator::make(std::uint64_t seed) {
  random_.seed(seed);
  std::string text = one_of(inputs_);
  for (std::size_t changes = 1 + below(5); changes > 0; --changes)
    change(text);
  text.resize(std::min(text.size(), longest));
  return text;
}

void mutator::change(std::string& text) {
  const std::size_t at = below(text.size() + 1);
  const bool is_at_end = at == text.size();
  switch (below(8)) {
  case 0:
    if (!is_at_end)
      text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
    break;
  case 1:
    if (!is_at_end)
      text[at] = static_cast<char>(below(256));
    break;
  case 2:
    text.erase(at, 1 + below(8));
    break;
  case 3:
    text.insert(at, one_of(tokens_));
    break;
  case 4:
    text.replace(at, 1 + below(8), one_of(tokens_));
    break;
  case 5: { // a part of itself again
    const std::size_t from = below(text.size() + 1);
    text.insert(at, text.substr(from, 1 + below(64)));
    break;
  }
  case 6: { // its beginning, and the end of another
    const std::string& other = one_of(inputs_);
    text.erase(at);
    text += other.substr(below(other.size() + 1));
    break;
  }
  default: { // a part of another
    const std::string& other = one_of(inputs_);
    text.insert(at, other.substr(below(other.size() + 1), 1 + below(64)));
    break;
  }
  }
}

} // namespace httpool_fuzz
