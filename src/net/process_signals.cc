#include "net/process_signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

namespace bellwether::net {

ProcessSignals::ProcessSignals(Loop& loop, std::initializer_list<int> numbers) : loop_{loop} {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : numbers) sigaddset(&set, number);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  descriptor_ = Socket{::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)};
  if (!descriptor_.is_open() || !loop_.watch(descriptor_.fd(), *this)) throw std::runtime_error("cannot watch for signals: too many open files?");
}

ProcessSignals::~ProcessSignals() { loop_.forget(*this); }

void ProcessSignals::on_events(std::uint32_t) {
  signalfd_siginfo came{};
  while (::read(descriptor_.fd(), &came, sizeof came) == sizeof came) came_.push_back(static_cast<int>(came.ssi_signo));
  if (!came_.empty() && waiter_) std::exchange(waiter_, nullptr).resume();
}

}  // namespace bellwether::net
