// A streamed answer as a range of results.
#pragma once

#include <coroutine>
#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>

#include "bellwether/call.hpp"

namespace bellwether::inline v1 {

namespace detail {

/// Walks over what has `read()` and keeps the element that it gave.
template <class Owner, class Element>
class ElementIterator {
 public:
  using value_type = Element;
  using difference_type = std::ptrdiff_t;
  using iterator_concept = std::input_iterator_tag;

  explicit ElementIterator(Owner& owner) noexcept : owner_{&owner} {}
  [[nodiscard]] Element& operator*() const noexcept { return *owner_->current_; }
  [[nodiscard]] Element* operator->() const noexcept { return &*owner_->current_; }
  ElementIterator& operator++() {
    owner_->current_ = owner_->read();
    return *this;
  }
  void operator++(int) { ++*this; }
  [[nodiscard]] bool operator==(std::default_sentinel_t) const noexcept { return !owner_->current_; }

 private:
  Owner* owner_;
};

}  // namespace detail

/// The pieces of an answer, as they come: `for (auto&& piece : client.chat_stream(request))`. An input range: passed once, move-only.
/// Nothing is sent before the first element is asked for. What goes wrong is the last element, an error; an answer is whole
/// only if the range ends without one: `[DONE]` came, or the body ended in order after every choice's finish_reason. A stream that
/// is not read holds the server back (at most 256 KiB are kept); destroying it cancels the answer. One thread at a time.
template <class Chunk>
class [[nodiscard]] BELLWETHER_API Stream {
 public:
  using Element = Result<Chunk>;

  using Iterator = detail::ElementIterator<Stream, Element>;

  /// What `next` gives to be awaited.
  class Next {
   public:
    explicit Next(Stream& stream) noexcept : stream_{&stream} {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> waiter) { return stream_->suspend(waiter); }
    [[nodiscard]] std::optional<Element> await_resume() { return stream_->read(); }

   private:
    Stream* stream_;
  };

  Stream(Stream&&) noexcept;
  Stream& operator=(Stream&&) noexcept;
  ~Stream();

  /// Waits for the first element, blocking. Once.
  [[nodiscard]] Iterator begin() {
    current_ = read();
    return Iterator{*this};
  }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  /// The next element, waited for by this thread; nothing at the end.
  [[nodiscard]] std::optional<Element> read();
  /// The next element, in a coroutine: `co_await stream.next()`; nothing at the end. Resumes as a Call does.
  [[nodiscard]] Next next() noexcept { return Next{*this}; }
  /// Ends the stream soon with an error of kind `cancelled`. Any thread.
  void cancel() noexcept;
  /// The reply's `x-request-id`; known with the first element.
  [[nodiscard]] std::string request_id() const;

 private:
  friend struct detail::Access;
  friend Iterator;
  explicit Stream(std::unique_ptr<detail::Pending> pending) noexcept;
  [[nodiscard]] bool suspend(std::coroutine_handle<> waiter);

  std::unique_ptr<detail::Pending> pending_;
  std::optional<Element> current_;
};

using ChatStream = Stream<ChatChunk>;
using CompletionStream = Stream<Completion>;

extern template class Stream<ChatChunk>;
extern template class Stream<Completion>;

}  // namespace bellwether::inline v1
