// ServiceB as a program.
#pragma once

#include "net/server_fixture.hpp"

#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace server_test {

inline std::string drain(int fd) {
  std::string text;
  char bytes[4096];
  for (ssize_t size = 0; (size = ::read(fd, bytes, sizeof bytes)) > 0;)
    text.append(bytes, static_cast<std::size_t>(size));
  ::close(fd);
  return text;
}

class program {
public:
  // Its standard output goes to a pipe or to a file.
  explicit program(std::vector<std::string> arguments, const char* out = nullptr) {
    BOOST_REQUIRE(::pipe2(out_, O_CLOEXEC) == 0);
    BOOST_REQUIRE(::pipe2(err_, O_CLOEXEC) == 0);
    arguments.insert(arguments.begin(), SERVICE_B);
    std::vector<char*> pointers;
    for (std::string& each : arguments)
      pointers.push_back(each.data());
    pointers.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::signal(SIGPIPE, SIG_DFL);
      ::dup2(out == nullptr ? out_[1] : ::open(out, O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
      ::dup2(err_[1], STDERR_FILENO);
      ::execv(SERVICE_B, pointers.data());
      ::_exit(127);
    }
    ::close(out_[1]);
    ::close(err_[1]);
  }

  // The line on which it says that it is ready.
  std::string line() {
    std::string text;
    for (char c = 0; ::read(out_[0], &c, 1) == 1 && c != '\n';)
      text += c;
    return text;
  }

  tcp::endpoint endpoint() {
    const std::string ready = line();
    const std::string begin = "listening on 127.0.0.1:";
    BOOST_REQUIRE(ready.starts_with(begin));
    return {asio::ip::address_v4::loopback(),
            static_cast<std::uint16_t>(std::stoi(ready.substr(begin.size())))};
  }

  // The next line of its log.
  std::string log_line() {
    std::string text;
    for (char c = 0; ::read(err_[0], &c, 1) == 1 && c != '\n';)
      text += c;
    return text;
  }

  // From now on nobody reads what it says there.
  void drop_err() {
    ::close(err_[0]);
    err_[0] = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  }

  void signal(int number) { ::kill(pid_, number); }

  struct ending {
    int status;
    std::string out; // what was not read as a line
    std::string err;
  };

  ending wait() {
    ending result{0, drain(out_[0]), drain(err_[0])};
    int status = 0;
    ::waitpid(pid_, &status, 0);
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return result;
  }

private:
  int out_[2];
  int err_[2];
  pid_t pid_;
};

inline bool is_one_line(const std::string& text) {
  return !text.empty() && text.find('\n') == text.size() - 1;
}

/// What is said of a wrong argument.
inline bool is_line_and_usage(const std::string& text) {
  const std::size_t end = text.find('\n');
  return end != std::string::npos && is_one_line(text.substr(0, end + 1)) &&
         text.substr(end + 1) == "usage: service_b [options]; --help lists the options\n";
}

} // namespace server_test
