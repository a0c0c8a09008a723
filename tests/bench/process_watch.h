// What processes have used so far, read from /proc: the load generator reads it at both ends of its measured window,
// because only it knows to the microsecond when the window starts and ends.
// Functions of the file system; any thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

namespace bellwether::bench {

/// CPU time of all living threads of the processes, in ns. From schedstat: utime and stime of /proc/PID/stat count
/// in ticks of 10 ms, which is too coarse for a window of a second.
inline std::int64_t cpu_ns(const std::vector<int>& pids) {
  std::int64_t total = 0;
  for (const int pid : pids) {
    std::error_code gone;
    for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", gone)) {
      if (std::FILE* file = std::fopen((task.path() / "schedstat").c_str(), "re")) {
        long long running = 0;
        if (std::fscanf(file, "%lld", &running) == 1) total += running;
        std::fclose(file);
      }
    }
  }
  return total;
}

struct Memory {
  std::int64_t rss_kb = 0;      // pages that two processes share count twice
  std::int64_t pss_kb = 0;      // shared pages are divided among their users
  std::int64_t private_kb = 0;  // anonymous pages: what was allocated, without the mapped program
};

inline Memory memory(const std::vector<int>& pids) {
  Memory total;
  for (const int pid : pids) {
    std::FILE* file = std::fopen(("/proc/" + std::to_string(pid) + "/smaps_rollup").c_str(), "re");
    if (!file) continue;
    char line[256];
    while (std::fgets(line, sizeof line, file)) {
      long long kb = 0;
      if (std::sscanf(line, "Rss: %lld", &kb) == 1) total.rss_kb += kb;
      if (std::sscanf(line, "Pss: %lld", &kb) == 1) total.pss_kb += kb;
      if (std::sscanf(line, "Anonymous: %lld", &kb) == 1) total.private_kb += kb;
    }
    std::fclose(file);
  }
  return total;
}

}  // namespace bellwether::bench
