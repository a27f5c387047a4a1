// Whole messages, judged by the codec and by Boost.Beast: what the codec takes, Beast takes, and
// takes for the same, but for what the RFCs decide otherwise.

#include "fuzz/fuzz.hpp"
#include "judges/http1_judges.hpp"

#include <algorithm>

namespace httpool_fuzz {
namespace {

using namespace http1_test;

void run(std::string_view input) {
  static const std::vector<known> rows = known_disagreements();
  reader from(input);
  const std::uint8_t flags = from.next();
  const std::string_view text = from.rest();
  const message_case judged = (flags & 1U) == 0
                                  ? judge_request(text)
                                  : judge_response(text, (flags & 2U) != 0 ? "HEAD" : "GET");
  const bool is_right =
      agree(judged) ||
      std::any_of(rows.begin(), rows.end(), [&](const known& row) { return row.is_this(judged); });
  require(is_right, "Beast disagrees; " + describe(judged));
}

const target here("message", run);

} // namespace
} // namespace httpool_fuzz
