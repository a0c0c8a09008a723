#include "net/task.h"

#include <array>
#include <cstdint>
#include <new>

namespace bellwether::net {
namespace {

constexpr std::size_t step = 64;
constexpr std::size_t classes = 64;  // Frames of up to 4 KiB; the largest of a request has 2.2 KiB.
// Enough for the requests that a lane has under way at once, and a bound on what a burst leaves behind.
constexpr std::uint16_t kept_max = 256;

struct Free {
  Free* next;
};
struct FrameStore {
  std::array<Free*, classes + 1> first;
  std::array<std::uint16_t, classes + 1> count;
};

// No destructor: a lane's thread lives as long as the process, and frames may be freed after a thread's destructors ran.
constinit thread_local FrameStore store{};

#ifdef __SANITIZE_ADDRESS__
constexpr bool keeps = false;  // A frame that is used after its end is to be found.
#else
constexpr bool keeps = true;
#endif

}  // namespace

void* allocate_frame(std::size_t size) {
  const std::size_t index = (size + step - 1) / step;
  if (keeps && index <= classes && store.first[index] != nullptr) {
    Free* const frame = store.first[index];
    store.first[index] = frame->next;
    --store.count[index];
    return frame;
  }
  return ::operator new(index * step);
}

void free_frame(void* frame, std::size_t size) noexcept {
  const std::size_t index = (size + step - 1) / step;
  if (keeps && index <= classes && store.count[index] < kept_max) {
    store.first[index] = new (frame) Free{store.first[index]};
    ++store.count[index];
    return;
  }
  ::operator delete(frame);
}

}  // namespace bellwether::net
