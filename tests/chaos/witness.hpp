// A publisher's own log of what it handed over and what was acknowledged: one of the two witnesses
// that the judge believes. One line per fact, tab-separated, written before the fact it announces
// (S, D) or after the one it reports (A, F), each with write(2), so that a killed publisher's log
// says at most too little acknowledged.
//
//   P  digest topic qos retained uids ms              the message that the next lines are about
//   S  uid class event_id qos keys kind quantity ms    handed to the client library, first time
//   D  uid class reason ms                             handed over again: duplicate | resend
//   A  uid class ms                                    PUBACK or PUBCOMP has come
//   F  uid class code ms                               answered with a failure reason
//   C  session_present ms  /  L  ms                    connected / connection lost
#pragma once

#include "tests/chaos/digest.hpp"
#include "tests/chaos/workload.hpp"

#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <unistd.h>

namespace chaos {

inline const char* name_of(event_class what) {
    switch (what) {
    case event_class::good:
        return "good";
    case event_class::bad:
        return "bad";
    case event_class::conflict:
        return "conflict";
    case event_class::state:
        return "state";
    }
    std::abort();
}

class witness {
  public:
    explicit witness(const std::string& path)
        : fd_(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
        if (fd_ < 0) std::abort();
    }
    ~witness() { close(fd_); }
    witness(const witness&) = delete;
    witness& operator=(const witness&) = delete;

    void sent(const publication& what) {
        std::string uids;
        for (const witnessed_event& e : what.events)
            uids += (uids.empty() ? "" : ",") + e.uid;
        std::string lines = line({"P", digest_of(what.topic, what.payload), what.topic,
                                  std::to_string(what.qos), what.retain ? "1" : "0", uids});
        for (const witnessed_event& e : what.events) {
            std::string keys;
            for (const std::string& key : e.keys)
                keys += (keys.empty() ? "" : ",") + key;
            lines += line({"S", e.uid, name_of(e.what), e.event_id, std::to_string(what.qos), keys,
                           e.kind, e.quantity});
        }
        put(lines);
    }
    void sent_again(const publication& what, const char* reason) { each(what, "D", reason); }
    void acknowledged(const publication& what) { each(what, "A", nullptr); }
    void refused(const publication& what, const std::string& code) {
        each(what, "F", code.c_str());
    }
    void connected(bool session_present) { put(line({"C", session_present ? "1" : "0"})); }
    void connection_lost() { put(line({"L"})); }

  private:
    static std::string line(std::initializer_list<std::string> fields) {
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        std::string out;
        for (const std::string& field : fields)
            out += field + "\t";
        return out +
               std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()) +
               "\n";
    }

    void each(const publication& what, const char* letter, const char* more) {
        std::string lines;
        for (const witnessed_event& e : what.events) {
            lines += more == nullptr ? line({letter, e.uid, name_of(e.what)})
                                     : line({letter, e.uid, name_of(e.what), more});
        }
        put(lines);
    }

    void put(const std::string& lines) {
        // A witness that cannot write must not go on as if it had.
        if (write(fd_, lines.data(), lines.size()) != static_cast<ssize_t>(lines.size())) {
            std::abort();
        }
    }

    int fd_;
};

} // namespace chaos
