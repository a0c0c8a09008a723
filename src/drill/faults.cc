#include "drill/faults.h"

#include <algorithm>

#include "base/nearest.h"

namespace bellwether::drill {

Result<std::vector<Fault>> faults_named(std::span<const std::string> names) {
  std::vector<std::string_view> known;
  for (const Fault& fault : faults) known.push_back(fault.name);
  for (const std::string& name : names) {
    if (std::ranges::find(known, name) != known.end()) continue;
    std::string text = "there is no fault \"" + name + "\"";
    if (const auto near = nearest(name, known, 1); !near.empty()) text += "; did you mean \"" + std::string(near.front()) + "\"?";
    return failed(Reason::request_malformed, PublicText{std::move(text)});
  }
  std::vector<Fault> chosen;
  for (const Fault& fault : faults)
    if (names.empty() || std::ranges::find(names, fault.name) != names.end()) chosen.push_back(fault);
  return chosen;
}

}  // namespace bellwether::drill
