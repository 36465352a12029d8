#include "gateway/observe/books.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace wharf::observe {

namespace {

using json = nlohmann::ordered_json;

template <class Books> struct term {
    const char* name;
    std::uint64_t Books::*value;
};

constexpr std::array<term<intake_books>, 4> k_intake_terms{{
    {"refused", &intake_books::refused},
    {"quarantined", &intake_books::quarantined},
    {"duplicate", &intake_books::duplicate},
    {"accepted", &intake_books::accepted},
}};
constexpr std::array<term<destination_books>, 8> k_destination_terms{{
    {"filtered", &destination_books::filtered},
    {"pending", &destination_books::pending},
    {"superseded", &destination_books::superseded},
    {"applied", &destination_books::applied},
    {"handed_over", &destination_books::handed_over},
    {"dead", &destination_books::dead},
    {"discarded", &destination_books::discarded},
    {"shed", &destination_books::shed},
}};

std::string line(char sign, std::string_view name, std::uint64_t value) {
    std::string out = "  ";
    out += sign;
    out += ' ';
    out.append(name).append(std::max<std::size_t>(14, name.size() + 1) - name.size(), ' ');
    auto digits = std::to_string(value);
    if (digits.size() < 14) out.append(14 - digits.size(), ' ');
    return out + digits + "\n";
}

std::string verdict(std::uint64_t left, std::uint64_t right) {
    if (left == right) return "    balances\n";
    auto off = std::max(left, right) - std::min(left, right);
    return "    DOES NOT BALANCE: " + std::to_string(off) +
           (left > right ? " missing on the right\n" : " too many on the right\n");
}

bool read_count(const json& from, const char* name, std::uint64_t& to) {
    auto at = from.find(name);
    if (at == from.end() || !at->is_number_unsigned()) return false;
    to = at->get<std::uint64_t>();
    return true;
}

} // namespace

bool books::balance() const noexcept {
    return intake.balances() &&
           std::all_of(destinations.begin(), destinations.end(),
                       [&](const auto& each) { return each.balances(intake.accepted); });
}

books books_of(const v1::JournalState& state) {
    books out;
    const auto& in = state.intake();
    out.intake = {in.received(), in.refused(), in.quarantined(), in.duplicate(), in.accepted()};
    for (const auto& each : state.destinations()) {
        if (each.name().empty()) continue;
        out.destinations.push_back({each.name(), each.filtered(), each.pending(), each.superseded(),
                                    each.applied(), each.handed_over(), each.dead(),
                                    each.discarded(), each.shed()});
    }
    return out;
}

std::string books_json(const books& of) {
    json intake = {{"received", of.intake.received}};
    for (const auto& [name, value] : k_intake_terms)
        intake[name] = of.intake.*value;
    intake["balances"] = of.intake.balances();
    json destinations = json::array();
    for (const auto& each : of.destinations) {
        json row = {{"name", each.name}, {"accepted", of.intake.accepted}};
        for (const auto& [name, value] : k_destination_terms)
            row[name] = each.*value;
        row["balances"] = each.balances(of.intake.accepted);
        destinations.push_back(std::move(row));
    }
    json out = {{"intake", std::move(intake)},
                {"destinations", std::move(destinations)},
                {"balance", of.balance()}};
    return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

result<books> books_from_json(std::string_view text) {
    const error wrong{errc::invalid, "expected books as JSON"};
    auto in = json::parse(text, nullptr, false);
    if (!in.is_object() || !in.contains("intake") || !in.contains("destinations")) return wrong;
    books out;
    const auto& intake = in["intake"];
    if (!intake.is_object() || !read_count(intake, "received", out.intake.received)) return wrong;
    for (const auto& [name, value] : k_intake_terms)
        if (!read_count(intake, name, out.intake.*value)) return wrong;
    if (!in["destinations"].is_array()) return wrong;
    for (const auto& row : in["destinations"]) {
        destination_books each;
        if (!row.is_object() || !row.contains("name") || !row["name"].is_string()) return wrong;
        each.name = row["name"].get<std::string>();
        for (const auto& [name, value] : k_destination_terms)
            if (!read_count(row, name, each.*value)) return wrong;
        out.destinations.push_back(std::move(each));
    }
    return out;
}

std::string books_table(const books& of) {
    std::string out = "Intake: received = refused + quarantined + duplicate + accepted\n";
    out += line(' ', "received", of.intake.received);
    char sign = '=';
    for (const auto& [name, value] : k_intake_terms)
        out += line(std::exchange(sign, '+'), name, of.intake.*value);
    out += verdict(of.intake.received, of.intake.explained());
    for (const auto& each : of.destinations) {
        out += "\nDestination " + each.name +
               ": accepted = filtered + pending + superseded + applied + handed_over + dead + "
               "discarded + shed\n";
        out += line(' ', "accepted", of.intake.accepted);
        sign = '=';
        for (const auto& [name, value] : k_destination_terms)
            out += line(std::exchange(sign, '+'), name, each.*value);
        out += verdict(of.intake.accepted, each.explained());
    }
    if (of.destinations.empty()) out += "\nNo destination: accepted events stay in the journal.\n";
    return out;
}

} // namespace wharf::observe
