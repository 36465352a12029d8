#include "tests/integration/erp/erp_fixture.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace erp_test {
namespace {

constexpr int k_answer_wait_s = 5;

// The write end becomes the child's `replaced` descriptor; the read end is returned.
int spawn(const std::vector<std::string>& arguments, int replaced, pid_t& pid) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
    std::vector<char*> argv{const_cast<char*>(WHARF_REFERENCE_ERP)};
    for (const std::string& argument : arguments)
        argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    pid = fork();
    if (pid < 0) throw std::runtime_error("fork failed");
    if (pid == 0) {
        dup2(ends[1], replaced);
        execv(argv[0], argv.data());
        _exit(127);
    }
    close(ends[1]);
    return ends[0];
}

std::string read_all(int descriptor, char until) {
    std::string text;
    char byte = 0;
    while (read(descriptor, &byte, 1) == 1) {
        if (byte == until) break;
        text.push_back(byte);
    }
    return text;
}

// The answer's length, once its head is whole.
std::size_t length_of(const std::string& text) {
    const std::size_t head_end = text.find("\r\n\r\n");
    if (head_end == std::string::npos) return std::string::npos;
    const std::size_t field = text.find("Content-Length: ");
    const std::size_t body =
        field < head_end ? std::strtoull(text.c_str() + field + 16, nullptr, 10) : 0;
    return head_end + 4 + body;
}

} // namespace

http_client::http_client(std::uint16_t port) {
    socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval wait{k_answer_wait_s, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        close(socket_);
        socket_ = -1;
    }
}

http_client::~http_client() {
    if (socket_ >= 0) close(socket_);
}

void http_client::hang_up() {
    shutdown(socket_, SHUT_RDWR);
}

response http_client::request(const std::string& method, const std::string& target,
                              const std::string& body, const std::string& headers) {
    response out;
    const std::string bytes = method + " " + target + " HTTP/1.1\r\nHost: erp\r\n" + headers +
                              "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    if (send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(bytes.size())) {
        return out;
    }
    std::string text;
    char piece[4096];
    while (text.size() < length_of(text)) {
        const ssize_t got = recv(socket_, piece, sizeof piece, 0);
        if (got <= 0) return out;
        text.append(piece, static_cast<std::size_t>(got));
        ++out.pieces;
    }
    out.status = std::atoi(text.c_str() + 9);
    out.head = text.substr(0, text.find("\r\n\r\n") + 2);
    out.body = text.substr(out.head.size() + 2);
    return out;
}

scratch::scratch() {
    std::string name = std::filesystem::temp_directory_path() / "wharf-erp-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = name;
}

scratch::~scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

erp_process::erp_process(const std::string& db, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--db", db});
    const int out = spawn(arguments, STDOUT_FILENO, pid_);
    const std::string line = read_all(out, '\n');
    close(out);
    if (!line.starts_with("ready port=")) {
        kill();
        throw std::runtime_error("the ERP did not become ready: " + line);
    }
    port_ = static_cast<std::uint16_t>(std::atoi(line.c_str() + 11));
}

erp_process::~erp_process() {
    kill();
}

int erp_process::stop() {
    ::kill(pid_, SIGTERM);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void erp_process::kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
}

response erp_process::post(const std::string& target, const std::string& body,
                           const std::string& headers) {
    return http_client(port_).request("POST", target, body, headers);
}

response erp_process::get(const std::string& target) {
    return http_client(port_).request("GET", target);
}

std::string run_to_end(const std::vector<std::string>& arguments) {
    pid_t pid = -1;
    const int out = spawn(arguments, STDERR_FILENO, pid);
    const std::string words = read_all(out, '\0');
    close(out);
    int status = 0;
    waitpid(pid, &status, 0);
    return std::to_string(WIFEXITED(status) ? WEXITSTATUS(status) : -1) + ": " + words;
}

std::string query_db(const std::string& db, const std::string& sql) {
    sqlite3* handle = nullptr;
    sqlite3_stmt* query = nullptr;
    std::string text = "nothing";
    if (sqlite3_open_v2(db.c_str(), &handle, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK &&
        sqlite3_prepare_v2(handle, sql.c_str(), -1, &query, nullptr) == SQLITE_OK) {
        if (sqlite3_step(query) == SQLITE_ROW && sqlite3_column_text(query, 0) != nullptr) {
            text = reinterpret_cast<const char*>(sqlite3_column_text(query, 0));
        }
    } else {
        text = sqlite3_errmsg(handle);
    }
    sqlite3_finalize(query);
    sqlite3_close(handle);
    return text;
}

} // namespace erp_test
