#include "firmware/ctl/verbs.hpp"

#include "gateway/observe/books.hpp"
#include "gateway/platform/admin/client.hpp"
#include "gateway/platform/crash_words.hpp"
#include "gateway/platform/journal_store.hpp"

#include <nlohmann/json.hpp>

#include <ostream>

namespace wharf::ctl {

int failed(const console& to, const error& why) {
    to.err << "wharfctl: " << why.message << "\n";
    return k_exit_failed;
}

// A running daemon is asked to bring into the database what waits in its ring.
result<std::unique_ptr<store>> open_journal(const places& at, const console& to) {
    if (at.journal.empty())
        return error{errc::not_found,
                     "where is the journal? Name it with --journal DIR or name the "
                     "configuration with --config FILE"};
    install_crash_words(at.journal);
    auto opened = open_journal_store_read_only(at.journal);
    if (!opened.ok()) return std::move(opened).failure().in("open journal " + at.journal);
    bool current = !opened->live;
    if (!current && !at.journal_named)
        current = ask_daemon(at, "POST", "/v1/journal/checkpoint").ok();
    if (!current)
        to.err << "wharfctl: a process writes to this journal: what follows is as of its last "
                  "checkpoint\n";
    auto header = read_header(*opened->over);
    if (!header.ok()) return std::move(header).failure().in("journal " + at.journal);
    return std::move(opened->over);
}

result<std::string> ask_daemon(const places& at, std::string_view method, std::string_view path,
                               std::string body) {
    WHARF_TRY_ASSIGN(auto answered, admin::ask(at.socket, method, path, std::move(body)));
    if (answered.status >= 200 && answered.status < 300) return std::move(answered.body);
    auto words = nlohmann::json::parse(answered.body, nullptr, false);
    auto what = words.is_object() && words.contains("error") && words["error"].is_string()
                    ? words["error"].get<std::string>()
                    : "status " + std::to_string(answered.status);
    return error{answered.status == 404 ? errc::not_found : errc::conflict, "wharfd: " + what};
}

namespace {

// The daemon's, or the journal's own where no daemon runs.
result<observe::books> current_books(const places& at, const console& to) {
    if (!at.journal_named) {
        auto asked = ask_daemon(at, "GET", "/v1/books");
        if (asked.ok()) return observe::books_from_json(*asked);
        if (asked.failure().code != errc::not_found) return std::move(asked).failure();
    }
    WHARF_TRY_ASSIGN(auto journal, open_journal(at, to));
    WHARF_TRY_ASSIGN(auto state, read_state(*journal));
    return observe::books_of(state);
}

} // namespace

int show_books(const places& at, const console& to) {
    auto books = current_books(at, to);
    if (!books.ok()) return failed(to, books.failure());
    to.out << (at.json ? observe::books_json(*books) : observe::books_table(*books));
    return books->balance() ? k_exit_good : k_exit_finding;
}

int resume_destination(const places& at, const console& to, const std::string& destination,
                       const std::string& lane) {
    const nlohmann::json body = {{"lane", lane}};
    auto asked = ask_daemon(at, "POST",
                            "/v1/destinations/" + admin::encoded_segment(destination) + "/resume",
                            lane.empty() ? std::string() : body.dump());
    if (!asked.ok()) return failed(to, asked.failure());
    if (at.json)
        to.out << *asked;
    else
        to.out << "Destination " << destination << " is tried again"
               << (lane.empty() ? "" : " in lane " + lane) << ".\n";
    return k_exit_good;
}

} // namespace wharf::ctl
