// What the client programs here have in common: their command line, what they read and print.
#pragma once

#include <cstdio>
#include <span>
#include <stdexcept>
#include <string>

namespace wharf::test {

// PROGRAM VERB PORT VERSION CLIENT-ID TOPIC COUNT keep|clean [CA]
struct client_words {
    std::string verb;
    int port = 0;
    int version = 4; // as the protocol has it: 4 is 3.1.1
    std::string client_id, topic;
    int count = 0; // subscribe: messages until it ends
    bool keeps_session = false;
    std::string ca; // empty: no TLS

    static client_words read(std::span<char*> words) {
        if (words.size() < 8) throw std::runtime_error("too few arguments: README.md");
        client_words out;
        out.verb = words[1];
        out.port = std::stoi(words[2]);
        out.version = std::stoi(words[3]);
        out.client_id = words[4];
        out.topic = words[5];
        out.count = std::stoi(words[6]);
        out.keeps_session = std::string(words[7]) == "keep";
        if (words.size() > 8) out.ca = words[8];
        return out;
    }
};

// A line of what is to be published: QOS RETAIN PROPERTIES PAYLOAD, the payload up to its end.
struct said_message {
    int qos = 0;
    bool retain = false, with_properties = false;
    std::string payload;

    bool read(const std::string& line) {
        if (line.size() < 6) return false;
        qos = line[0] - '0';
        retain = line[2] == '1';
        with_properties = line[4] == '1';
        payload = line.substr(6);
        return true;
    }
};

struct heard_message {
    int qos = 0;
    bool retain = false;
    std::string payload, content_type, response_topic, correlation_data, user;

    [[nodiscard]] std::string line() const {
        std::string out = std::to_string(qos);
        for (const std::string& part : {std::string(retain ? "1" : "0"), payload, content_type,
                                        response_topic, correlation_data, user})
            out.append("\t").append(part);
        return out;
    }
};

inline void print_line(const std::string& line) {
    std::puts(line.c_str());
    std::fflush(stdout);
}

} // namespace wharf::test
