// A journal through an export and back: whole, as the next takeover; and what is refused.
#include "gateway/base/bytes.hpp"
#include "gateway/base/crc32c.hpp"
#include "gateway/journal/export.hpp"
#include "gateway/journal/format.hpp"
#include "gateway/journal/import.hpp"
#include "tests/unit/journal/rig.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace wharf;
using namespace wharf::test;

namespace {

constexpr std::size_t k_frame_bytes = 13;

class constant final : public random_port {
  public:
    explicit constant(std::uint64_t value) : value_(value) {}
    std::uint64_t next() override { return value_; }

  private:
    std::uint64_t value_;
};

void fill(rig& r) {
    r.connect();
    for (int i = 0; i < 5; ++i)
        r.ingest_one({{"k" + std::to_string(i)}, "a", lane::inventory, {5}});
    r.ingest(make_unreadable("#"));
    seal_batch seal{1, {}};
    seal.content.add_items()->set_sequence(4);
    r.commit({deliver({settle_update{1, settlement::applied},
                       park_update{2, parked(wharf::v1::PARKED_STATE_DEAD, {5})},
                       advance_low_water{lane::inventory, 2}, seal})});
}

std::string exported(store& from) {
    std::string file;
    auto written = export_journal(from, "test", 77, [&](std::string_view bytes) {
        file.append(bytes);
        return ok();
    });
    REQUIRE(written.ok());
    return file;
}

// Reads from a string, in pieces.
class string_source {
  public:
    explicit string_source(std::string_view from) : rest_(from) {}
    result<std::size_t> operator()(char* into, std::size_t size) {
        const auto taken = rest_.substr(0, std::min<std::size_t>(size, 1000));
        taken.copy(into, taken.size());
        rest_.remove_prefix(taken.size());
        return taken.size();
    }

  private:
    std::string_view rest_;
};

result<import_summary> imported(std::string_view file, store& into, takeover_options options = {},
                                std::uint64_t random = 0xcafe) {
    export_reader from{string_source(file)};
    WHARF_TRY_ASSIGN(const auto header, from.header());
    constant drawn(random);
    return import_records(from, header, into, drawn, options);
}

std::string refusal(std::string_view file, errc code = errc::corrupt) {
    model_store into;
    auto got = imported(file, into);
    if (got.ok()) return "it was taken";
    CHECK(got.failure().code == code);
    // Nothing that a journal would open over.
    CHECK_FALSE(read_header(into).ok());
    return got.failure().message;
}

struct frame {
    char kind;
    std::string content;
};

std::vector<frame> frames_of(const std::string& file) {
    std::vector<frame> out;
    for (std::size_t at = 8; at < file.size();) {
        const auto size = get_little<std::uint32_t>(file.data() + at + 1);
        out.push_back({file[at], file.substr(at + k_frame_bytes, size)});
        at += k_frame_bytes + size;
    }
    return out;
}

// Sound frames around whatever they say.
std::string file_of(const std::vector<frame>& frames) {
    std::string out = "WHARFEXP";
    std::uint32_t number = 0;
    for (frame one : frames) {
        if (one.kind == 'T') {
            wharf::v1::ExportTrailer trailer;
            REQUIRE(trailer.ParseFromString(one.content));
            trailer.set_sha256(std::string(view_of(sha256(out))));
            one.content = trailer.SerializeAsString();
        }
        std::string head(1, one.kind);
        put_little(head, static_cast<std::uint32_t>(one.content.size()));
        put_little(head, number++);
        put_little(head, crc32c(one.content, crc32c(head)));
        out += head + one.content;
    }
    return out;
}

template <class Message, class Change> void change(std::string& content, Change&& how) {
    Message message;
    REQUIRE(message.ParseFromString(content));
    how(message);
    content = message.SerializeAsString();
}

} // namespace

TEST_CASE("an imported journal has every record of the exported one, as the next takeover") {
    rig r;
    fill(r);
    r.commit({deliver({fence_gateway{"another has it", 5}})});
    model_store into;
    auto got = imported(exported(r.store), into, {0, 99});
    REQUIRE(got.ok());
    CHECK(got->was_fenced);
    auto before = r.store.read_all();
    auto after = into.read_all();
    CHECK(got->records == before.size());
    for (const auto& key : {format::header_key(), format::state_key()}) {
        before.erase(key);
        after.erase(key);
    }
    CHECK(before == after);
    auto header = read_header(into);
    REQUIRE(header.ok());
    CHECK(header->format_version() == format::k_version_taken_over);
    REQUIRE(header->takeovers_size() == 1);
    CHECK(header->takeovers(0).number() == 1);
    CHECK(header->takeovers(0).epoch() == 0xcafe);
    CHECK(header->takeovers(0).after() == 5);
    CHECK(header->takeovers(0).at_us() == 99);
    auto sound = verify(into);
    REQUIRE(sound.ok());
    CHECK(sound->findings_total == 0);

    // It opens, goes on from there, and its new events have another name.
    identity_window window;
    auto opened = journal::open(into, window, r.options, 0);
    REQUIRE(opened.ok());
    CHECK_FALSE((*opened)->fenced());
    const epochs& names = (*opened)->recovery().names;
    CHECK(names.of(5) == 42);
    CHECK(names.of(6) == 0xcafe);
    CHECK(names.takeover_number() == 1);
    CHECK((*opened)->state().last_sequence() == 5);
}

TEST_CASE("a takeover's epoch is none that the journal had, its number higher than the last") {
    rig r;
    fill(r);
    model_store second;
    REQUIRE(imported(exported(r.store), second, {}, 42).ok());
    CHECK(epochs_of(*read_header(second)).newest() == 43);
    model_store third;
    REQUIRE(imported(exported(second), third, {7, 0}, 42).ok());
    const auto names = epochs_of(*read_header(third));
    CHECK(names.newest() == 44);
    CHECK(names.takeover_number() == 7);
    CHECK(names.of(5) == 42); // nothing came in between
    CHECK(names.of(6) == 44);
    model_store fourth;
    auto lower = imported(exported(third), fourth, {7, 0});
    REQUIRE_FALSE(lower.ok());
    CHECK(lower.failure().code == errc::invalid);
    CHECK_FALSE(read_header(fourth).ok());
}

TEST_CASE("what waits in large records goes through frame by frame") {
    rig r;
    r.connect();
    for (int i = 0; i < 4; ++i)
        r.ingest(make_unreadable(std::string(600'000, static_cast<char>('a' + i))));
    const auto file = exported(r.store);
    CHECK(frames_of(file).size() > 4);
    model_store into;
    REQUIRE(imported(file, into).ok());
    CHECK(read_quarantine(into, 4)->message.payload() == std::string(600'000, 'd'));
}

TEST_CASE("an export of a journal that is written to is not one") {
    rig r;
    fill(r);
    int reads = 0;
    r.store.before_begin_read([&] {
        // After the header and the books were read.
        if (++reads == 3) {
            wharf::v1::JournalState later = r.state();
            later.set_journal_time_us(later.journal_time_us() + 1);
            r.store.plant(format::state_key(), format::seal(format::state_key(), later));
        }
    });
    auto written = export_journal(r.store, "test", 0, [](std::string_view) { return ok(); });
    REQUIRE_FALSE(written.ok());
    CHECK(written.failure().code == errc::conflict);
}

TEST_CASE("an export that ends too early is refused wherever it ends") {
    rig r;
    fill(r);
    const auto file = exported(r.store);
    for (std::size_t size = 0; size < file.size(); ++size) {
        INFO(size);
        CHECK_THAT(refusal(file.substr(0, size)),
                   Catch::Contains("not an export") || Catch::Contains("it ends here"));
    }
    CHECK_THAT(refusal(file + "x"), Catch::Contains("something follows"));
}

TEST_CASE("an export is refused with any byte of it changed") {
    rig r;
    fill(r);
    const auto file = exported(r.store);
    for (std::size_t at = 0; at < file.size(); ++at) {
        auto bent = file;
        bent[at] = static_cast<char>(bent[at] ^ 0x20);
        INFO(at);
        CHECK(refusal(bent) != "it was taken");
    }
}

TEST_CASE("frames that are left out, repeated or changed with their checksums are refused") {
    rig r;
    fill(r);
    const auto frames = frames_of(exported(r.store));
    REQUIRE(frames.size() == 3);
    REQUIRE(file_of(frames) == exported(r.store));
    CHECK_THAT(refusal(file_of({frames[0], frames[2]})), Catch::Contains("counts other records"));
    CHECK_THAT(refusal(file_of({frames[0], frames[1], frames[1], frames[2]})),
               Catch::Contains("not in order"));
    CHECK_THAT(refusal(file_of({frames[1], frames[2]})), Catch::Contains("begin with a header"));
    CHECK_THAT(refusal(file_of({frames[0], frames[0], frames[2]})),
               Catch::Contains("of no known kind"));
    auto cut = frames;
    cut[1].content.pop_back();
    CHECK_THAT(refusal(file_of(cut)), Catch::Contains("does not fit"));
    auto alien = frames;
    alien[1].content[2] = '@'; // the first record's key
    CHECK_THAT(refusal(file_of(alien)), Catch::Contains("no journal has"));
    // All frames are sound, only the whole is another one.
    auto bytes = file_of(frames);
    auto other = frames;
    change<wharf::v1::ExportHeader>(other[0].content, [](auto& of) { of.set_program("tesu"); });
    const auto swapped = file_of(other);
    bytes.replace(0, bytes.size() - frames[2].content.size() - k_frame_bytes,
                  swapped.substr(0, swapped.size() - frames[2].content.size() - k_frame_bytes));
    CHECK_THAT(refusal(bytes), Catch::Contains("SHA-256"));
}

TEST_CASE("an export that contradicts its journal is refused") {
    rig r;
    fill(r);
    auto frames = frames_of(exported(r.store));
    SECTION("another gateway's") {
        change<wharf::v1::ExportHeader>(frames[0].content, [](auto& of) { of.set_gateway("X"); });
    }
    SECTION("another takeover's") {
        change<wharf::v1::ExportHeader>(frames[0].content, [](auto& of) { of.set_takeover(1); });
    }
    SECTION("other books") {
        change<wharf::v1::ExportTrailer>(frames[2].content,
                                         [](auto& of) { of.mutable_intake()->set_refused(1); });
    }
    CHECK_THAT(refusal(file_of(frames)), Catch::Contains("contradicts itself"));
}

TEST_CASE("an export of a later version is refused before anything is read") {
    rig r;
    auto frames = frames_of(exported(r.store));
    SECTION("of the export") {
        change<wharf::v1::ExportHeader>(frames[0].content,
                                        [](auto& of) { of.set_format_version(2); });
    }
    SECTION("of the journal") {
        change<wharf::v1::ExportHeader>(
            frames[0].content, [](auto& of) { of.set_journal_version(format::k_version + 1); });
    }
    CHECK_THAT(refusal(file_of(frames), errc::unsupported), Catch::Contains("newer program"));
}

TEST_CASE("a store without room for the export says so") {
    rig r;
    fill(r);
    model_store into;
    into.refuse_put_after(3);
    auto got = imported(exported(r.store), into);
    REQUIRE_FALSE(got.ok());
    CHECK(got.failure().code == errc::no_space);
}

TEST_CASE("a fence is kept over a restart, with the first word") {
    rig r;
    fill(r);
    CHECK_FALSE(r.under_test().fenced());
    r.commit({deliver({fence_gateway{"the first", 5}})});
    r.commit({deliver({fence_gateway{"the second", 6}})});
    r.power_cut();
    CHECK(r.under_test().fenced());
    CHECK(r.state().fence().words() == "the first");
    CHECK(r.state().fence().destination() == "erp");
}

TEST_CASE("takeovers that contradict the books or each other are damage") {
    rig r;
    fill(r);
    auto header = *read_header(r.store);
    auto add = [&](std::uint32_t number, std::uint64_t after) {
        auto* one = header.add_takeovers();
        one->set_number(number);
        one->set_after(after);
    };
    header.set_format_version(format::k_version_taken_over);
    SECTION("after an event that is not there") {
        add(1, 6);
    }
    SECTION("numbers do not rise") {
        add(2, 1);
        add(2, 2);
    }
    SECTION("sequences go back") {
        add(1, 2);
        add(2, 1);
    }
    SECTION("in a format that has none") {
        header.set_format_version(format::k_version_made);
        add(1, 1);
    }
    r.store.plant(format::header_key(), format::seal(format::header_key(), header));
    auto opened = r.try_open();
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.failure().code == errc::corrupt);
    auto checked = verify(r.store);
    REQUIRE(checked.ok());
    CHECK(checked->findings_total == 1);
}
