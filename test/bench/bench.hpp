// The subcommands of httpool_bench.
#pragma once

#include <string>
#include <vector>

namespace bench {

// Each prints lines of JSON.
int run_client(const std::vector<std::string>& given);
int run_pool(const std::vector<std::string>& given);
int run_dial(const std::vector<std::string>& given);
int run_tls(const std::vector<std::string>& given);
int run_memory(const std::vector<std::string>& given);
int run_gate(const std::vector<std::string>& given);

} // namespace bench
