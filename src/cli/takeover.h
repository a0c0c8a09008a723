// The hand-over of everything that listens from a running gateway to its successor, over `takeover.sock` in the data folder (mode 0600).
//
//   successor  take-over 1 VERSION
//   gateway    a line and a descriptor for each listening socket and for the folder's lock, then `end PID`; or `refused WHY`
//   successor  ready       it has a catalog and could serve
//   gateway    yours       it changes no key from now on
//   successor  serving     it has read the keys and accepts connections
//   gateway    bye         it accepts none any more, and leaves when its connections have ended
//
// The lock is one open file that both hold, so there is no moment in which a third could take it; who may write is decided by
// `yours` and `bye`. A successor that goes away before `serving` changes nothing: the gateway goes on. A gateway that dies before
// `bye` has been succeeded all the same.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "cli/inherited.h"
#include "net/stream.h"

namespace bellwether::cli {

/// Raised when the conversation changes; two gateways of different numbers do not try.
constexpr int takeover_protocol = 1;
/// For each answer that takes no thought. A busy control loop may be slow; seconds mean that it is stuck.
constexpr Duration takeover_patience = std::chrono::seconds(10);
/// Until a successor is ready: its first discovery of models waits 3 s.
constexpr Duration takeover_patience_ready = std::chrono::seconds(60);

/// The successor's side, until the gateway's `end`.
struct Takeover {
  net::Socket conversation;
  Inheritance sockets;
  net::Socket lock;
  std::string pid;
};
/// Blocks, at most takeover_patience for each step. Fails with a detail fit for the operator.
[[nodiscard]] Result<Takeover> begin_takeover(const std::string& data_folder);

/// The gateway's side: whether the first line is one that we understand. Fails with what the successor is told.
[[nodiscard]] Result<void> check_takeover_hello(std::string_view line);
/// Sends everything that is passed on.
[[nodiscard]] Result<void> send_takeover(int conversation, const std::vector<DoorSocket>& sockets, int lock);

/// Each side says one thing and then hears one, so a line is all that there is to read. Empty when the other side went away;
/// `timed_out` when the stream's deadline passed.
struct TakeoverLine {
  net::IoStatus status = net::IoStatus::ok;
  std::string text;
};
[[nodiscard]] net::Task<TakeoverLine> hear(net::Stream& stream, Duration patience);
[[nodiscard]] net::Task<net::IoStatus> say(net::Stream& stream, std::string line);

}  // namespace bellwether::cli
