// The folder where everything durable lives. One process at a time may change it: whoever holds its lock.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace bellwether::store {

/// The lock on a data folder. Move-only; ends with the object or the process.
class DataFolder {
 public:
  /// Makes the folder if there is none (readable by its owner only) and takes its lock. Fails with store_failed; with
  /// `overloaded` when another process holds the lock.
  [[nodiscard]] static Result<DataFolder> lock(const std::string& path);

  /// The lock as another process that holds it passed it on (SCM_RIGHTS): from then on both do, and neither waits for the other.
  /// Takes the descriptor. Fails with store_failed where it is not this folder's lock.
  [[nodiscard]] static Result<DataFolder> adopt(const std::string& path, int lock_fd);

  DataFolder(DataFolder&& other) noexcept : path_{std::move(other.path_)}, lock_fd_{std::exchange(other.lock_fd_, -1)} {}
  DataFolder& operator=(DataFolder&&) = delete;
  ~DataFolder();

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] int lock_fd() const { return lock_fd_; }
  /// This process changes nothing any more; who was passed the lock keeps it.
  void let_go();

 private:
  DataFolder(std::string path, int lock_fd) : path_{std::move(path)}, lock_fd_{lock_fd} {}
  std::string path_;
  int lock_fd_;
};

/// Replaces a file's contents so that, whatever happens, the old or the new text is there: temporary file, fsync, rename, fsync of
/// the folder. Mode 0600. Fails with store_failed; the old text stays then.
[[nodiscard]] Result<void> replace_file(const std::string& path, std::string_view text);

/// The whole file; empty text where there is none. Fails with store_failed.
[[nodiscard]] Result<std::string> read_file(const std::string& path);

}  // namespace bellwether::store
