// The coroutine type of every lane, with its concrete executor: a type-erased one costs a tenth of the request (performance.md).
#pragma once

#include <boost/asio.hpp>

namespace bellwether::net {

namespace asio = boost::asio;

using Executor = asio::io_context::executor_type;

/// What a coroutine on a lane returns. Starts when awaited; runs on the lane of whoever awaits it.
template <class T>
using Task = asio::awaitable<T, Executor>;

inline constexpr asio::use_awaitable_t<Executor> use_task{};
/// For operations that report an error code: the await returns it, instead of throwing.
inline constexpr auto use_task_tuple = asio::as_tuple(use_task);

using Socket = asio::basic_stream_socket<asio::generic::stream_protocol, Executor>;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;

}  // namespace bellwether::net
