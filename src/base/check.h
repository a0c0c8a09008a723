// BW_CHECK: our own invariants. A broken one is a bug; the process says so and stops, in release builds too, because
// going on with money or streams in an unknown state is worse than a restart.
#pragma once

namespace bellwether {

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace bellwether

#define BW_CHECK(condition) (static_cast<bool>(condition) ? void(0) : ::bellwether::check_failed(#condition, __FILE__, __LINE__))
