#include "gateway/drive.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <variant>
#include <vector>

#include "gateway/attempt.h"
#include "gateway/stream_reply.h"
#include "json/reader.h"
#include "net/signal.h"
#include "net/spawn.h"

namespace bellwether::gateway {
namespace {

/// The caller's own patience as its SDK tells it (wire.md §C.3: openai-python, openai-node); nothing where it tells none.
std::optional<Duration> patience_of(const http::Fields& fields) {
  for (const std::string_view name : {"x-stainless-read-timeout", "x-stainless-timeout"}) {
    const auto field = fields.find(name);
    double seconds = 0;
    if (!field) continue;
    const auto parsed = std::from_chars(field->data(), field->data() + field->size(), seconds);
    constexpr double day = 86'400;
    if (parsed.ec == std::errc{} && parsed.ptr == field->data() + field->size() && seconds > 0 && seconds < day)
      return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  }
  return std::nullopt;
}

/// Of a stream the caller's patience bounds silence, which ends with the first token; of a whole reply it bounds everything.
relay::Terms terms_of(const chat::Request& chat, const net::Request& raw, const Trail& trail) {
  const catalog::Model& model = *trail.model;
  const TimePoint over_by = trail.read_at + model.deadline;
  relay::Terms terms{.deadline = over_by, .rescue = model.rescue};
  const auto number = static_cast<std::size_t>(&model - trail.pinned->revision->models().data());
  terms.hedge = trail.pinned->targets->hedge(number);
  if (const std::optional<Duration> patience = patience_of(raw.head.fields)) {
    terms.deadline = std::min(over_by, trail.read_at + *patience);
    if (chat.stream) terms.deadline_once_answered = over_by;
  }
  return terms;
}

/// What the caller has of the answer, in the relay's words.
relay::Substance substance_of(const Serving& serving) {
  if (!serving.outgoing) return relay::Substance::none;
  switch (serving.outgoing->standing()) {
    case Standing::unseen:
    case Standing::restartable: return relay::Substance::none;
    case Standing::lost: return relay::Substance::sealed;
    case Standing::continuable: break;
  }
  const chat::Obstacle obstacle = chat::find_obstacle(serving.chat, serving.outgoing->unfinished().text, serving.lane.reader());
  return obstacle == chat::Obstacle::none ? relay::Substance::continuable : relay::Substance::sealed;
}

class Drive final : public Serving {
 public:
  Drive(Lane& lane, const Plan& plan, const chat::Request& chat, net::Request& raw, net::Reply& reply, Trail& trail)
      : Serving{lane, chat, raw, reply, trail}, relay{plan.candidates, terms_of(chat, raw, trail), lane.loop().random().next()}, plan_{plan} {
    if (!chat.stream) return;
    const bool some_can = std::ranges::any_of(plan.candidates, [](const relay::Candidate& candidate) { return candidate.can_continue; });
    const bool follow = some_can && trail.model->rescue == catalog::Rescue::on;
    outgoing.emplace(chat, json::quote(trail.model->id), follow ? Follow::yes : Follow::no);
    comment_at = trail.read_at + lane.settings().keep_alive_comment;
    raw.forget_fields();
  }

  void on_answered(std::uint32_t number, Duration first_token) override;
  void on_caller_gone();
  /// Makes the caller's stream ready for another upstream's part.
  void begin(const relay::Try& wanted);
  [[nodiscard]] net::Task<relay::Step> try_once(const relay::Try& wanted);
  /// An attempt that gets another beside it if it is late. Comes back when both have ended.
  [[nodiscard]] net::Task<relay::Step> race(const relay::Try& wanted);
  [[nodiscard]] net::Task<relay::Step> wait(TimePoint until);
  /// Nothing more is to be tried: the caller hung up, or the process leaves.
  [[nodiscard]] bool is_over() const { return reply.caller_gone() || reply.is_cut_short(); }
  /// What the caller is told in the end.
  [[nodiscard]] Failure failure_of(const relay::Finish& finish);

  relay::Relay relay;
  bool continued = false;  ///< Some attempt went on with the answer of another.
  bool asked = false;      ///< Some upstream got the request, and may count it.
  bool at_length = false;  ///< The upstream broke off when all tokens that the request allows had come.

 private:
  /// An attempt under way. Two at most, when one is hedged.
  struct Running {
    Order order;
    const catalog::RouteEntry* entry;
    Cancellation cancellation;
    bool lost = false;  ///< Another one answered first: its end is nobody's business.
  };
  struct Told {
    std::uint32_t attempt;
    Failure failure;
  };

  [[nodiscard]] const std::string& upstream_of(const catalog::RouteEntry& entry) const { return trail.pinned->revision->upstreams()[entry.upstream].name; }
  [[nodiscard]] Order order_for(const relay::Try& wanted) const;
  [[nodiscard]] relay::Step judge(const Running& running, AttemptEnd end);
  void note_leg(const Running& running, std::string_view outcome);

  const Plan& plan_;
  std::vector<Told> failures_;
  Running* first_ = nullptr;   ///< What a hang-up has to cancel.
  Running* second_ = nullptr;  ///< Beside it, when hedged.
  net::Sleep* sleeping_ = nullptr;
};

Order Drive::order_for(const relay::Try& wanted) const {
  const TimePoint now = lane.loop().turn();
  const TimePoint over_by = outgoing ? trail.read_at + trail.model->deadline : relay.deadline();
  TimePoint first_token_by = relay.deadline();
  // Of what the caller will wait, a silent upstream gets half while another could be asked.
  if (chat.stream && relay.has_alternative(now)) first_token_by = now + (first_token_by - now) / 2;
  return {.number = wanted.attempt, .mode = wanted.mode, .hold = Hold::no, .over_by = over_by, .first_token_by = first_token_by};
}

void Drive::begin(const relay::Try& wanted) {
  trail.upstream = &trail.pinned->revision->upstreams()[plan_.entry_of(wanted.candidate).upstream];
  trail.attempts = wanted.attempt;
  if (wanted.attempt == 1 || !outgoing) return;
  if (wanted.mode == relay::Mode::fresh) return outgoing->begin_restart();
  continued = true;
  const bool may_echo = dialects::dialect_of(trail.upstream->dialect).prefill() == dialects::Prefill::may_echo;
  outgoing->begin_continuation(may_echo ? Echo::maybe : Echo::never);
}

net::Task<relay::Step> Drive::try_once(const relay::Try& wanted) {
  Running running{.order = order_for(wanted), .entry = &plan_.entry_of(wanted.candidate), .cancellation = {}};
  first_ = &running;
  AttemptEnd end = co_await attempt(*this, running.order, running.cancellation, *running.entry);
  first_ = nullptr;
  co_return judge(running, std::move(end));
}

net::Task<relay::Step> Drive::race(const relay::Try& wanted) {
  struct Ended {
    Running* running;
    AttemptEnd end;
  };
  // Shared with the attempts' tasks, which a loop that stops may outlive in any order.
  struct Finishing {
    explicit Finishing(net::Loop& loop) : signal{loop} {}
    net::Signal signal;
    std::vector<Ended> ended;
  };
  const auto finishing = std::make_shared<Finishing>(lane.loop());
  const auto start = [&](Running& running) {
    net::spawn(
        lane.loop(), "hedged attempt",
        [](Drive*& drive, Running*& it, std::shared_ptr<Finishing>& done) -> net::Task<void> {
          AttemptEnd end = co_await attempt(*drive, it->order, it->cancellation, *it->entry);
          done->ended.push_back({it, std::move(end)});
          done->signal.wake(net::IoStatus::ok);
        },
        this, &running, finishing);
  };
  Running slow{.order = order_for(wanted), .entry = &plan_.entry_of(wanted.candidate), .cancellation = {}};
  std::optional<Running> beside;
  first_ = &slow;
  std::size_t under_way = 1;
  start(slow);
  TimePoint late_at = lane.loop().turn() + *wanted.hedge_after;
  relay::Step step = relay::Carry{};
  while (under_way > 0) {
    const net::IoStatus woken = co_await finishing->signal.wait(late_at);
    if (woken == net::IoStatus::timed_out) {
      late_at = TimePoint::max();
      const relay::Step due = relay.next(relay::HedgeDue{wanted.attempt}, lane.loop().turn());
      if (const auto* second = std::get_if<relay::Try>(&due); second != nullptr && !is_over()) {
        beside.emplace(Running{.order = order_for(*second), .entry = &plan_.entry_of(second->candidate), .cancellation = {}});
        beside->order.hold = Hold::until_first_token;
        second_ = &*beside;
        trail.attempts = second->attempt;
        lane.metrics().hedges.add();
        ++under_way;
        start(*beside);
      }
      continue;
    }
    for (Ended& ended : std::exchange(finishing->ended, {})) {
      --under_way;
      if (ended.running->lost) note_leg(*ended.running, "hedge_lost");
      else if (const relay::Step next = judge(*ended.running, std::move(ended.end)); !std::holds_alternative<relay::Carry>(next)) step = next;
    }
  }
  first_ = second_ = nullptr;
  co_return step;
}

void Drive::on_answered(std::uint32_t number, Duration first_token) {
  const relay::Step step = relay.next(relay::AttemptAnswered{number, first_token}, lane.loop().turn());
  const std::uint32_t loser = std::get<relay::Carry>(step).cancel;
  for (Running* running : {first_, second_}) {
    if (running == nullptr) continue;
    if (running->order.number == number) trail.upstream = &trail.pinned->revision->upstreams()[running->entry->upstream];
    if (loser == 0 || running->order.number != loser) continue;
    running->lost = true;
    running->cancellation.request();
  }
}

net::Task<relay::Step> Drive::wait(TimePoint until) {
  const TimePoint began = lane.loop().turn();
  while (lane.loop().turn() < until && !is_over()) {
    net::Sleep sleep{lane.loop(), outgoing ? std::min(until, comment_at) : until};
    sleeping_ = &sleep;
    co_await sleep;
    sleeping_ = nullptr;
    if (outgoing && lane.loop().turn() >= comment_at && lane.loop().turn() < until) std::ignore = co_await keep_caller_warm(*this);
  }
  trail.waited_for_upstream += lane.loop().turn() - began;
  if (is_over()) co_return relay::Carry{};
  co_return relay.next(relay::WaitOver{}, lane.loop().turn());
}

/// Tells the relay how an attempt ended.
relay::Step Drive::judge(const Running& running, AttemptEnd end) {
  const std::uint32_t number = running.order.number;
  lane.metrics().count_attempt(upstream_of(*running.entry), end.failure ? name_of(end.failure->reason) : std::string_view("ok"));
  // Of two attempts beside each other the one that serves may be the first to end.
  if (end.failure || relay.attempts() > 1) note_leg(running, end.failure ? name_of(end.failure->reason) : std::string_view("ok"));
  const TimePoint now = lane.loop().turn();
  if (!end.failure) return relay.next(relay::AttemptDone{number, end.first_token}, now);
  asked = asked || end.progress != relay::Progress::nothing_sent;
  if (is_over()) return relay::Carry{};

  relay::AttemptFailed told{.attempt = number,
                            .progress = end.progress,
                            .reason = end.failure->reason,
                            .substance = substance_of(*this),
                            .gave_text = outgoing && outgoing->transcript().progressed(),
                            .http_status = end.failure->http_status,
                            .retry_after_ms = end.failure->retry_after_ms};
  if (told.substance == relay::Substance::continuable && chat::output_tokens_left(chat, outgoing->unfinished().tokens).value_or(1) <= 0) {
    at_length = true;
    told.substance = relay::Substance::sealed;
  }
  failures_.push_back({number, *std::move(end.failure)});
  return relay.next(told, now);
}

void Drive::note_leg(const Running& running, std::string_view outcome) {
  const bool counted = outgoing && !running.lost && running.order.hold == Hold::no;
  trail.legs.push_back({upstream_of(*running.entry), outcome, counted ? outgoing->leg_usage() : metering::Usage{}});
}

void Drive::on_caller_gone() {
  for (Running* running : {first_, second_})
    if (running != nullptr) running->cancellation.request();
  if (sleeping_ != nullptr) sleeping_->end();
}

Failure Drive::failure_of(const relay::Finish& finish) {
  for (Told& told : failures_)
    if (told.attempt == finish.attempt) return std::move(told.failure);
  return {.reason = finish.reason, .retry_after_ms = finish.retry_after_ms};
}

}  // namespace

net::Task<Result<void>> drive(Lane& lane, const Plan& plan, const chat::Request& chat, net::Request& raw, net::Reply& reply, Trail& trail) {
  Drive drive{lane, plan, chat, raw, reply, trail};
  reply.watch_caller([&drive] { drive.on_caller_gone(); });
  relay::Step step = drive.relay.next(relay::Begin{}, lane.loop().turn());
  while (!std::holds_alternative<relay::Finish>(step) && !drive.is_over() && !drive.at_length) {
    if (const auto* wanted = std::get_if<relay::Try>(&step)) {
      drive.begin(*wanted);
      // Not `? co_await … : co_await …`: g++ 12.2 runs both.
      if (wanted->hedge_after) step = co_await drive.race(*wanted);
      else step = co_await drive.try_once(*wanted);
    } else {
      step = co_await drive.wait(std::get<relay::Wait>(step).until);
    }
  }
  reply.unwatch_caller();
  trail.caller_gone = reply.caller_gone();
  const bool cut_short = reply.is_cut_short() && !std::holds_alternative<relay::Finish>(step);
  if ((trail.caller_gone || cut_short) && drive.asked && trail.usage.basis == metering::Basis::unknown) trail.usage = metering::estimate(chat.body.size(), 0);
  if (trail.caller_gone) co_return failed(Reason::caller_gone);
  if (cut_short) co_return failed(Reason::shutting_down);
  if (drive.at_length) co_return co_await end_at_length(drive);
  const auto& finish = std::get<relay::Finish>(step);
  if (finish.ending == relay::Finish::Ending::failed) co_return std::unexpected(drive.failure_of(finish));
  if (drive.continued) lane.metrics().streams_rescued.add();
  co_return Result<void>{};
}

}  // namespace bellwether::gateway
