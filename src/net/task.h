// The coroutine type of every lane: what that design needs and no more (docs/decisions/0006).
//
// All of a task happens on the thread of the loop that it was spawned on.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <utility>

namespace bellwether::net {

template <class T>
class Task;

/// Memory for coroutine frames, kept per thread by size.
[[nodiscard]] void* allocate_frame(std::size_t size);
void free_frame(void* frame, std::size_t size) noexcept;

/// What tasks of every result have in common.
class TaskPromise {
 public:
  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { free_frame(frame, size); }

  struct Ending {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      // The parent destroys this frame as it goes on, so nothing of it is touched afterwards.
      const TaskPromise& promise = self.promise();
      if (promise.parent_waits_) promise.parent_.resume();
    }
    void await_resume() const noexcept {}
  };

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  [[nodiscard]] Ending final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { escaped_ = std::current_exception(); }

 protected:
  void rethrow() const {
    if (escaped_) std::rethrow_exception(escaped_);
  }

 private:
  template <class T>
  friend class Task;

  std::coroutine_handle<> parent_;
  bool parent_waits_ = false;
  std::exception_ptr escaped_;
};

template <class T>
class TaskResult : public TaskPromise {
 public:
  template <class Value>
  void return_value(Value&& value) {
    value_.emplace(std::forward<Value>(value));
  }
  [[nodiscard]] T take() {
    rethrow();
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class TaskResult<void> : public TaskPromise {
 public:
  void return_void() const noexcept {}
  void take() const { rethrow(); }
};

/// What a coroutine on a lane returns. Starts when it is awaited, which is done once; ends before whoever awaits it goes on.
template <class T>
class [[nodiscard]] Task {
 public:
  struct promise_type : TaskResult<T> {
    [[nodiscard]] Task get_return_object() noexcept { return Task{std::coroutine_handle<promise_type>::from_promise(*this)}; }
  };

  Task(Task&& other) noexcept : handle_{std::exchange(other.handle_, nullptr)} {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  /// Runs the task. False, so that the parent goes on at once, if it ended without having to wait: the stack grows with the depth
  /// of the calls, never with the length of a loop.
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> parent) {
    handle_.promise().parent_ = parent;
    handle_.resume();
    if (handle_.done()) return false;
    handle_.promise().parent_waits_ = true;
    return true;
  }
  [[nodiscard]] T await_resume() { return handle_.promise().take(); }

 private:
  explicit Task(std::coroutine_handle<promise_type> handle) noexcept : handle_{handle} {}

  std::coroutine_handle<promise_type> handle_;
};

/// What is usually known at once, and only sometimes has to be waited for: a plain function gives it, and the coroutine behind it
/// is made where it is needed. Awaited like a task, once.
template <class T>
class [[nodiscard]] Prompt {
 public:
  Prompt(T value) : value_{std::move(value)} {}
  Prompt(Task<T> task) : task_{std::move(task)} {}
  Prompt(Prompt&&) noexcept = default;
  Prompt& operator=(Prompt&&) = delete;

  [[nodiscard]] bool await_ready() const noexcept { return value_.has_value(); }
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> parent) { return task_->await_suspend(parent); }
  [[nodiscard]] T await_resume() { return value_ ? *std::move(value_) : task_->await_resume(); }

 private:
  std::optional<T> value_;
  std::optional<Task<T>> task_;
};

}  // namespace bellwether::net
