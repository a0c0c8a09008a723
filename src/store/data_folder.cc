#include "store/data_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace bellwether::store {
namespace {

std::unexpected<Failure> cannot(std::string_view what, const std::string& path) {
  const int error = errno;
  return failed(Reason::store_failed, "cannot " + std::string(what) + " " + path + ": " + std::strerror(error));
}

/// A descriptor that closes itself.
class File {
 public:
  explicit File(int fd) : fd_{fd} {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

/// mkdir -p.
bool make_folders(const std::string& path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1))
    if (::mkdir(path.substr(0, slash).c_str(), 0700) != 0 && errno != EEXIST) return false;
  return ::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST;
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

Result<DataFolder> DataFolder::lock(const std::string& path) {
  if (!make_folders(path)) return cannot("make the data folder", path);
  const std::string lock_path = path + "/lock";
  const int fd = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return cannot("open", lock_path);
  DataFolder folder{path, fd};
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return folder;
  if (errno != EWOULDBLOCK) return cannot("lock", lock_path);
  return failed(Reason::overloaded, "another process uses the data folder " + path);
}

Result<DataFolder> DataFolder::adopt(const std::string& path, int lock_fd) {
  DataFolder folder{path, lock_fd};
  const std::string lock_path = path + "/lock";
  struct stat passed{}, ours{};
  if (::fstat(lock_fd, &passed) != 0 || ::stat(lock_path.c_str(), &ours) != 0) return cannot("look at", lock_path);
  if (passed.st_dev != ours.st_dev || passed.st_ino != ours.st_ino)
    return failed(Reason::store_failed, "the lock that was passed on is not that of the data folder " + path);
  return folder;
}

void DataFolder::let_go() {
  if (lock_fd_ >= 0) ::close(std::exchange(lock_fd_, -1));
}

DataFolder::~DataFolder() { let_go(); }

Result<void> replace_file(const std::string& path, std::string_view text) {
  const std::string fresh = path + ".new";
  {
    const File file{::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    if (file.fd() < 0) return cannot("write", fresh);
    if (!write_all(file.fd(), text) || ::fsync(file.fd()) != 0) return cannot("write", fresh);
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) return cannot("rename", fresh);
  // Without this the rename itself may be forgotten by a power cut.
  const std::string parent = path.find('/') == std::string::npos ? "." : path.substr(0, path.rfind('/') + 1);
  const File folder{::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (folder.fd() < 0 || ::fsync(folder.fd()) != 0) return cannot("sync", parent);
  return {};
}

Result<std::string> read_file(const std::string& path) {
  const File file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  std::string text;
  if (file.fd() < 0) {
    if (errno == ENOENT) return text;
    return cannot("read", path);
  }
  constexpr std::size_t step = std::size_t{256} << 10;
  for (;;) {
    const std::size_t size = text.size();
    text.resize(size + step);
    const ssize_t got = ::read(file.fd(), text.data() + size, step);
    if (got < 0) return cannot("read", path);
    text.resize(size + static_cast<std::size_t>(got));
    if (got == 0) return text;
  }
}

}  // namespace bellwether::store
