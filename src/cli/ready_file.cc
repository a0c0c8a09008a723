#include "cli/ready_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include "json/reader.h"
#include "store/data_folder.h"

namespace bellwether::cli {

Result<void> write_ready_file(const std::string& path, const std::vector<std::string>& listen, const std::string& admin) {
  std::string text = fmt::format(R"({{"schema":"bellwether.ready/1","pid":{},"listen":[)", ::getpid());
  for (std::size_t i = 0; i < listen.size(); ++i) text += (i > 0 ? "," : "") + json::quote(listen[i]);
  text += ']';
  if (!admin.empty()) text += ",\"admin\":" + json::quote(admin);
  return store::replace_file(path, text + "}\n");
}

}  // namespace bellwether::cli
