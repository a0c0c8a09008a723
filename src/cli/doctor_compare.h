// `bellwether doctor --compare A B`: two endpoints side by side, by small real calls within a bound on what they spend.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/endpoint.h"
#include "cli/load.h"

namespace CLI {
class App;
}

namespace bellwether::cli {

struct CompareOptions {
  std::vector<std::string> endpoints;  ///< A and B: URLs, or names of upstreams of the config.
  Given given;
  std::string model_a, model_b;  ///< Empty: the route's where there is one, or the only one that is listed.
  KeyReference key_a, key_b;     ///< For URLs; an upstream of the config has its own.
  std::uint64_t tokens_max = 20'000;
  std::string budget, price;                    ///< Decimal dollars; `price`: "INPUT,OUTPUT" per million tokens.
  std::vector<std::string> accept, need, only;  ///< Names of checks.
  std::string timeout = "60s";                  ///< For one call.
  bool json = false;
};

/// The flags beside `--compare A B` itself, for the verb that has it.
void add_compare_options(CLI::App& verb, CompareOptions& options);

/// An exit code: 0 nothing stands against moving from A to B, 99 a blocker was found, 5 one of them cannot be reached.
[[nodiscard]] int run_doctor_compare(const CompareOptions& options);

}  // namespace bellwether::cli
