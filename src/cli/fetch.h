// Reads things over HTTP for a subcommand: one GET after the other, each bounded in size and time, none held in memory as a whole.
// Coroutines of the loop that they are given.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "catalog/upstream.h"
#include "net/loop.h"
#include "net/pool.h"
#include "net/task.h"

namespace bellwether::cli {

/// Where things are read from. The loop must outlive it.
class Fetcher {
 public:
  /// `bearer` is a secret; empty: none is sent.
  Fetcher(net::Loop& loop, catalog::Url url, std::string bearer);

  struct Bounds {
    Duration first_byte;      ///< Until the head of the reply.
    Duration idle;            ///< Between two pieces.
    std::uint64_t bytes_max;  ///< Of the body.
  };
  struct Reply {
    int status = 0;
    std::uint64_t bytes = 0;
  };
  /// Takes the body's pieces of a reply with this status.
  using Take = std::function<void(int status, std::string_view piece)>;

  /// GET of the URL's own path with `target` behind it. Whatever status comes is a reply. Fails as net::Exchange does, and with
  /// upstream_broken beyond `bytes_max`.
  [[nodiscard]] net::Task<Result<Reply>> get(std::string_view target, Bounds bounds, const Take& take);

 private:
  [[nodiscard]] net::Task<Result<Reply>> try_get(std::string head, Bounds bounds, const Take& take, net::Pool::Wanted wanted, bool& unheard);

  net::Loop& loop_;
  catalog::Upstream upstream_;
  net::Pool pool_;
};

}  // namespace bellwether::cli
