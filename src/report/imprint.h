// Who made a page, and when: its footer.
#pragma once

#include <string>

namespace bellwether::report {

struct Imprint {
  std::string version, day;
};

}  // namespace bellwether::report
