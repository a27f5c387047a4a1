// Whole messages, judged by the codec and by Boost.Beast: what the codec takes, Beast takes, and
// takes for the same, but for what the RFCs decide otherwise.

#include "fuzz/fuzz.hpp"
#include "judges/http1_judges.hpp"

namespace httpool_fuzz {
namespace {

using namespace http1_test;

void run(std::string_view input) {
  reader from(input);
  const std::uint8_t flags = from.next();
  const std::string_view text = from.rest();
  const message_case judged = (flags & 1U) == 0
                                  ? judge_request(text)
                                  : judge_response(text, (flags & 2U) != 0 ? "HEAD" : "GET");
  require(is_right(judged), "Beast disagrees; " + describe(judged));
}

const target here("message", run);

} // namespace
} // namespace httpool_fuzz
