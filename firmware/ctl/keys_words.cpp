#include "firmware/ctl/keys_words.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/base/text.hpp"
#include "gateway/platform/private_file.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <ostream>

namespace wharf::ctl {

namespace {

using json = nlohmann::ordered_json;
using wharf::v1::Command;
using wharf::v1::CommandReport;

constexpr const char* k_certificate_more = R"(
Examples:
  wharfctl --fleet fleet.toml --on gateway=dock-7 certificate request listener > dock-7.csr
  wharfctl --fleet fleet.toml --on gateway=dock-7 certificate install listener dock-7.pem

request has the gateway make a new key, which never leaves it, and prints what an authority signs.
install brings back what it made of that. The listener reads it without dropping a connection. The
fleet's is on trial: the gateway connects with it, and if the fleet broker is not reached in time
the former one is in use again.
)";

json parsed(const CommandReport& report) {
    auto out = json::parse(report.json(), nullptr, false);
    return out.is_object() ? out : json::object();
}

std::string word(const json& of, const char* name) {
    const auto found = of.find(name);
    return found != of.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// It is PEM, which is printed as it is: what it must not be is an order to a terminal.
void print_request(const CommandReport& report, std::ostream& out) {
    const std::string text = word(parsed(report), "request");
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find('\n', at), text.size());
        out << printable(text.substr(at, end - at)) << "\n";
        at = end + 1;
    }
}

void print_installed(const CommandReport& report, std::ostream& out) {
    const json said = parsed(report);
    const std::string until = word(said, "good_until");
    out << "The certificate of the " << printable(word(said, "which")) << " is in use";
    if (!until.empty())
        out << ": " << printable(word(said, "subject")) << " of " << printable(word(said, "issuer"))
            << ", good until " << printable(until);
    out << ".\n";
}

void print_key(const CommandReport& report, std::ostream& out) {
    out << "Its key is now " << printable(word(parsed(report), "key")) << ".\n";
}

void add_which(CLI::App& to, keys_arguments& given) {
    to.add_option("which", given.which,
                  "fleet: what it shows the fleet broker; listener: what it shows devices")
        ->required()
        ->check(CLI::IsMember({"fleet", "listener"}));
}

result<Command> installing(const keys_arguments& given) {
    Command out;
    auto& what = *out.mutable_certificate_install();
    WHARF_TRY_ASSIGN(
        auto chain,
        read_private_file(given.file, {07777, limits::k_certificate_chain_bytes_max, "is public"}));
    if (chain.find("PRIVATE KEY") != chain.npos)
        return error{errc::invalid, given.file + " holds a private key: it stays where it is"};
    what.set_which(given.which);
    what.set_chain(std::move(chain));
    what.set_other_authority(given.other_authority);
    what.set_within_s(given.within_s);
    return out;
}

} // namespace

void add_keys(CLI::App& app, fleet_arguments& fleet, keys_arguments& given, verb& chosen,
              fleet_form& form) {
    auto* key = app.add_subcommand("key", "The gateway's own key, which the fleet knows it by");
    key->require_subcommand(1);
    key->add_subcommand("rotate", "It makes itself another one, which the former one vouches for")
        ->callback([&] {
            chosen = here_or_over_the_fleet(fleet, form);
            form = {[] {
                        Command out;
                        out.mutable_key_rotate();
                        return result<Command>(std::move(out));
                    },
                    print_key};
        });
    auto* certificate =
        app.add_subcommand("certificate", "What the gateway shows the fleet broker or devices");
    certificate->footer(k_certificate_more);
    certificate->require_subcommand(1);
    auto* request = certificate->add_subcommand("request", "A new key, and what is to be signed");
    add_which(*request, given);
    request->add_option("--common-name", given.common_name, "As its subject (the present one's)")
        ->type_name("NAME");
    request
        ->add_option("--name", given.names,
                     "A DNS name, an address or a URI that it stands for; may be repeated (the "
                     "present one's)")
        ->type_name("NAME")
        ->allow_extra_args(false);
    request->callback([&] {
        chosen = here_or_over_the_fleet(fleet, form);
        form = {[&given] {
                    Command out;
                    auto& what = *out.mutable_certificate_request();
                    what.set_which(given.which);
                    what.set_common_name(given.common_name);
                    for (const std::string& name : given.names)
                        what.add_names(name);
                    return result<Command>(std::move(out));
                },
                print_request};
    });
    auto* install = certificate->add_subcommand("install", "What an authority made of the request");
    add_which(*install, given);
    install->add_option("file", given.file, "The chain in PEM, the gateway's own first")
        ->required()
        ->type_name("FILE");
    install->add_flag("--other-authority", given.other_authority,
                      "It is of another authority than those that the gateway's settings name");
    install
        ->add_option("--within", given.within_s,
                     "The fleet broker has to be reached within so long (60)")
        ->type_name("S")
        ->check(CLI::Range(limits::k_certificate_trial_s_min, limits::k_certificate_trial_s_max));
    install->callback([&] {
        constexpr std::uint32_t k_grace_s = 30;
        const std::uint32_t within_s =
            given.within_s == 0 ? limits::k_certificate_trial_s : given.within_s;
        fleet.how.timeout_s = std::max(fleet.how.timeout_s, within_s + k_grace_s);
        chosen = here_or_over_the_fleet(fleet, form);
        form = {[&given] { return installing(given); }, print_installed};
    });
}

} // namespace wharf::ctl
