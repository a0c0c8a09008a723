#include "bellwether/stream.hpp"

#include <algorithm>

#include "error_reply.h"
#include "json_object.h"
#include "pending.h"
#include "read_reply.h"

namespace bellwether::inline v1 {
namespace {

using client::Item;
using detail::Pending;

/// Notes which choices have begun and which have ended: without [DONE] this tells whether an answer is whole.
template <class Chunk>
void note(Pending& pending, const Chunk& chunk) {
  for (const auto& choice : chunk.choices) {
    std::erase(pending.begun, choice.index);
    if (choice.finish_reason.empty()) pending.begun.push_back(choice.index);
    else pending.any_finished = true;
  }
}

Error cut(std::string_view why) {
  return {.kind = ErrorKind::stream_cut, .code = "stream_cut", .message = "The stream was cut before its answer was whole: " + std::string(why) + "."};
}

/// The element that an event stands for.
template <class Chunk>
Result<Chunk> read_event(Pending& pending, std::string data) {
  client::pad(data);
  if (std::optional<Error> told = client::error_within(data, ErrorKind::stream_cut)) return *std::move(told);
  std::optional<Chunk> chunk = client::read_reply<Chunk>(std::move(data));
  if (!chunk) return cut("an event is not what the API promises");
  note(pending, *chunk);
  return *std::move(chunk);
}

}  // namespace

template <class Chunk>
Stream<Chunk>::Stream(std::unique_ptr<Pending> pending) noexcept : pending_{std::move(pending)} {}
template <class Chunk>
Stream<Chunk>::Stream(Stream&&) noexcept = default;
template <class Chunk>
Stream<Chunk>& Stream<Chunk>::operator=(Stream&&) noexcept = default;
template <class Chunk>
Stream<Chunk>::~Stream() = default;

template <class Chunk>
std::optional<Result<Chunk>> Stream<Chunk>::read() {
  Pending& pending = *pending_;
  if (pending.over) return std::nullopt;
  Item item = pending.take();
  const client::Operation& operation = pending.operation();
  std::optional<Result<Chunk>> element;
  if (item.kind == Item::Kind::event) {
    element = read_event<Chunk>(pending, std::move(item.text));
    if (*element) {
      if constexpr (requires(Chunk chunk) { chunk.request_id; }) {
        (**element).request_id = operation.request_id();
        (**element).attempts = operation.attempts();
      }
      return element;
    }
  } else if (item.kind == Item::Kind::end) {
    const bool whole = item.text == "done" || (pending.any_finished && pending.begun.empty());
    pending.over = true;
    if (whole) return std::nullopt;
    element = cut("it ended without [DONE] and without a finish_reason");
  } else {
    element = std::move(item.error);
  }
  pending.over = true;
  pending.cancel();
  Error& error = element->error();
  if (error.request_id.empty()) error.request_id = operation.request_id();
  if (error.attempts == 0) error.attempts = operation.attempts();
  return element;
}

template <class Chunk>
bool Stream<Chunk>::suspend(std::coroutine_handle<> waiter) {
  if (pending_->over) return false;
  return pending_->wait(waiter);
}

template <class Chunk>
void Stream<Chunk>::cancel() noexcept {
  pending_->cancel();
}

template <class Chunk>
std::string Stream<Chunk>::request_id() const {
  return pending_->operation().request_id();
}

template class Stream<ChatChunk>;
template class Stream<Completion>;

}  // namespace bellwether::inline v1
