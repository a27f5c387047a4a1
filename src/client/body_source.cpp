#include <httpool/body_source.hpp>

#include <boost/system/system_error.hpp>

#include <cerrno>
#include <memory>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace httpool {
namespace {

namespace asio = boost::asio;

[[noreturn]] void fail(const std::string& what) {
  throw boost::system::system_error(errno, boost::system::system_category(), what);
}

class open_file {
public:
  explicit open_file(const std::string& path)
      : descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor_ < 0)
      fail(path);
  }
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;
  ~open_file() { close(descriptor_); }

  std::uint64_t size(const std::string& path) const {
    struct stat about = {};
    if (fstat(descriptor_, &about) != 0)
      fail(path);
    if (!S_ISREG(about.st_mode)) {
      errno = EINVAL;
      fail(path + " is not a regular file");
    }
    return static_cast<std::uint64_t>(about.st_size);
  }

  std::size_t read(asio::mutable_buffer room) {
    ssize_t size = 0;
    do
      size = pread(descriptor_, room.data(), room.size(), position_);
    while (size < 0 && errno == EINTR);
    if (size < 0)
      fail("read");
    position_ += size;
    return static_cast<std::size_t>(size);
  }

  void rewind() noexcept { position_ = 0; }

private:
  const int descriptor_;
  off_t position_ = 0;
};

asio::awaitable<std::size_t> read(std::shared_ptr<open_file> file, asio::mutable_buffer room) {
  co_return file->read(room);
}

} // namespace

body_source body_source::file(const std::string& path) {
  const auto file = std::make_shared<open_file>(path);
  return body_source([file](asio::mutable_buffer room) { return httpool::read(file, room); },
                     file->size(path), [file] { file->rewind(); });
}

} // namespace httpool
