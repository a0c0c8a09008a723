// How the gateway ends: signals, draining, and handing its sockets to a successor (takeover.h).
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "cli/gateway_process.h"
#include "cli/service_manager.h"
#include "net/signal.h"
#include "net/spawn.h"
#include "store/key_file.h"

namespace bellwether::cli {
namespace {

// How long an idle connection is kept for a request that may be on its way. When we stop for good, whoever waits for our end waits
// for this; a successor serves meanwhile, so that then it may be longer than the pause of a busy caller.
constexpr Duration grace_stopping = std::chrono::seconds(1);
constexpr Duration grace_succeeded = std::chrono::seconds(5);
// For a caller to be told that its reply ends here.
constexpr Duration grace_cut_short = std::chrono::milliseconds(200);
constexpr Duration sweep_every = std::chrono::seconds(1);

}  // namespace

// ---- Signals and the end ----

net::Task<void> Gateway::obey_signals() {
  for (;;) {
    const int number = co_await signals_.next();
    if (number == SIGHUP) {
      if (draining_) continue;
      tell_reloading();
      std::ignore = reload();
      if (ready_ && !succeeding_) tell_ready();
      continue;
    }
    // A gateway that has been succeeded is leaving already; to be asked for the first time changes nothing.
    if (!std::exchange(asked_to_leave_, true)) {
      if (!draining_) drain(Leaving::for_good);
      continue;
    }
    if (draining_) {
      std::fprintf(stderr, "bellwether: asked again; leaving at once with %u connection(s) open\n", open_connections_.load());
      co_await leave(exit_interrupted);
    }
  }
}

void Gateway::drain(Leaving why) {
  draining_ = true;
  prober_.reset();
  discovery_.reset();
  std::fprintf(stderr, "bellwether: draining %u connection(s)\n", open_connections_.load());
  const Duration grace = std::min<Duration>(why == Leaving::succeeded ? grace_succeeded : grace_stopping, config_.drain_timeout);
  if (why == Leaving::for_good) {
    tell_stopping();
    // The lanes' duplicates close last, each after it has looked into its queue.
    std::erase_if(doors_, [](const DoorSocket& door) { return door.door == Door::callers; });
  } else {
    for (const auto& listener : own_listeners_) listener->stop();
    doors_.clear();
    for (AdminServer* admin : {admin_tcp_.get(), admin_unix_.get()}) {
      ++parts_open_;
      admin->server.drain(grace, [this] { on_part_empty(); });
    }
  }
  parts_open_ += lanes_.size();
  const bool alone = why == Leaving::for_good && !succeeding_ && !handing_over_;  // Nobody else takes what waits in the kernel's queue.
  for (const auto& lane : lanes_)
    lane->loop.post([this, alone, grace, lane = lane.get()] {
      if (alone) lane->finish_listening();
      else lane->stop_listening();
      lane->server.drain(grace, [this] { loop_.post([this] { on_part_empty(); }); });
    });
  net::spawn(loop_, "drain timeout", [this]() -> net::Task<void> {
    co_await loop_.sleep_for(config_.drain_timeout);
    std::fprintf(stderr, "bellwether: drain timeout; leaving with %u connection(s) open\n", open_connections_.load());
    co_await leave(exit_failed);
  });
}

void Gateway::on_part_empty() {
  if (--parts_open_ == 0) loop_.stop();
}

net::Task<void> Gateway::leave(int exit_code) {
  for (const auto& lane : lanes_) lane->loop.post([lane = lane.get()] { lane->server.cut_short(); });
  exit_code_ = exit_code;  // Where all have gone meanwhile, `run` ends.
  co_await loop_.sleep_for(grace_cut_short);
  // What is still open ends with the process: whoever takes no byte can be told none. What was logged is written.
  access_log_.reset();
  remove_socket_files();
  std::_Exit(exit_code);
}

net::Task<void> Gateway::keep_sweeping() {
  for (;;) {
    co_await loop_.sleep_for(sweep_every);
    for (std::size_t i = 0; i < lanes_.size(); ++i) sweep(i);
    if (keys_handed_over_ && draining_) read_keys_of_successor();
  }
}

/// A lane tidies up, and tells how it finds the upstreams.
void Gateway::sweep(std::size_t lane) {
  lanes_[lane]->loop.post([this, number = lane, lane = lanes_[lane].get()] {
    lane->lane.sweep();
    loop_.post([this, number, seen = lane->lane.health().snapshot(lane->loop.turn())]() mutable {
      for (const std::string& line : watch_->take(number, std::move(seen), loop_.turn())) std::fprintf(stderr, "bellwether: %s\n", line.c_str());
    });
  });
}

void Gateway::on_probed(const std::string& upstream, relay::Target::Probed found) {
  for (const auto& lane : lanes_) lane->loop.post([lane = lane.get(), upstream, found] { lane->lane.health().probed(upstream, found, lane->loop.turn()); });
}

// ---- From one process to the next (takeover.h) ----

/// Everything is ready but that the gateway before us still serves.
net::Task<void> Gateway::succeed() {
  net::Stream stream{loop_, std::move(takeover_->conversation)};
  const auto give_up = [this](const std::string& why) {
    std::fprintf(stderr, "bellwether: cannot take over: %s\n", why.c_str());
    exit_code_ = exit_failed;
    loop_.stop();
  };
  if (revision_->models().empty()) co_return give_up("no upstream has listed a model, and the running gateway may know some");
  std::ignore = co_await say(stream, "ready");
  TakeoverLine line = co_await hear(stream, takeover_patience);
  // One that went away without a word has died; what it was is ours.
  const auto died = [&line] { return line.status == net::IoStatus::closed || line.status == net::IoStatus::failed; };
  if (draining_) co_return give_up("asked to leave");
  if (line.text != "yours" && !died()) co_return give_up(line.text.empty() ? "the running gateway does not answer" : line.text);
  auto keys = store::load_keys(folder_);
  if (!keys) co_return give_up(keys.error().detail.text);
  keys_ = *std::move(keys);
  const auto ring = std::make_shared<const accounts::KeyRing>(keys_);
  for (const auto& lane : lanes_) lane->loop.post([lane = lane.get(), ring] { lane->lane.adopt(ring); });
  // From here to the next co_await nobody else runs on this loop, so no key is changed before the other has been told.
  start_listening();
  if (!died()) {
    std::ignore = co_await say(stream, "serving");
    line = co_await hear(stream, takeover_patience);
    if (line.text != "bye" && !died()) {
      // It goes on. What we accepted meanwhile is answered.
      std::fprintf(stderr, "bellwether: cannot take over: %s\n", line.text.empty() ? "the running gateway does not answer" : line.text.c_str());
      exit_code_ = exit_failed;
      co_return drain(Leaving::succeeded);
    }
  }
  succeeding_ = false;
  std::fprintf(stderr, "bellwether: took over from process %s%s\n", takeover_->pid.c_str(), died() ? ", which has died" : "");
  takeover_.reset();
  tell_that_ready();
}

net::Task<void> Gateway::hand_over(net::Socket& socket) {
  net::Stream stream{loop_, std::move(socket)};
  const TakeoverLine hello = co_await hear(stream, takeover_patience);
  if (hello.text.empty()) co_return;
  std::string refused;
  if (auto known = check_takeover_hello(hello.text); !known) refused = known.error().detail.text;
  else if (draining_) refused = "the running gateway is leaving; start this one without --take-over when it has gone";
  else if (!ready_ || succeeding_) refused = "the running gateway is still starting";
  else if (handing_over_) refused = "another process is taking over already";
  if (refused.empty()) {
    handing_over_ = true;
    refused = co_await hand_over_to(stream);
    handing_over_ = false;
    if (!refused.empty()) std::fprintf(stderr, "bellwether: not taken over, going on: %s\n", refused.c_str());
  }
  if (!refused.empty()) std::ignore = co_await say(stream, "refused " + refused);
  stream.close();
}

/// Why it came to nothing; empty when the successor serves.
net::Task<std::string> Gateway::hand_over_to(net::Stream& stream) {
  const auto why = [](const TakeoverLine& line) {
    return std::string(line.status == net::IoStatus::timed_out ? "the new process took too long" : "the new process ended before it served");
  };
  if (auto sent = send_takeover(stream.fd(), doors_, folder_.lock_fd()); !sent) co_return sent.error().detail.text;
  TakeoverLine line = co_await hear(stream, takeover_patience_ready);
  if (line.text != "ready") co_return why(line);
  if (draining_) co_return "the running gateway is leaving";
  keys_handed_over_ = true;
  // A change under way is finished by us; each is bounded.
  while (key_changes_ > 0) co_await loop_.sleep_for(std::chrono::milliseconds(5));
  if (co_await say(stream, "yours") == net::IoStatus::ok) line = co_await hear(stream, takeover_patience);
  if (line.text != "serving" || draining_) {
    keys_handed_over_ = false;
    co_return line.text == "serving" ? "the running gateway is leaving" : why(line);
  }
  std::fprintf(stderr, "bellwether: handed over to a new process\n");
  folder_.let_go();
  drain(Leaving::succeeded);
  std::ignore = co_await say(stream, "bye");
  co_return std::string{};
}

/// Connections that we still have obey its changes too.
void Gateway::read_keys_of_successor() {
  auto keys = store::load_keys(folder_);
  if (!keys || store::keys_to_text(*keys) == store::keys_to_text(keys_)) return;
  keys_ = *std::move(keys);
  const auto ring = std::make_shared<const accounts::KeyRing>(keys_);
  for (const auto& lane : lanes_) lane->loop.post([lane = lane.get(), ring] { lane->lane.adopt(ring); });
}

}  // namespace bellwether::cli
