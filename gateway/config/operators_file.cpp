#include "gateway/config/operators_file.hpp"

#include "gateway/config/checks.hpp"

namespace wharf {

namespace {

using config_detail::choices;
using config_detail::findings;
using config_detail::section;

constexpr std::string_view k_key_expected = "the public key in PEM, between three quotation marks";
constexpr std::size_t k_pem_bytes_max = 1024;

void read_operator(section& in, wharf::v1::Operator& to) {
    std::string name;
    std::string key;
    auto role = wharf::v1::OPERATOR_ROLE_UNSPECIFIED;
    in.required("name", "the operator's name");
    in.required("role", "\"viewer\", \"operator\" or \"admin\"");
    in.required("key", k_key_expected);
    in.text("name", name, "the operator's name");
    in.choice("role", role,
              choices<wharf::v1::OperatorRole>{{"viewer", wharf::v1::OPERATOR_ROLE_VIEWER},
                                               {"operator", wharf::v1::OPERATOR_ROLE_OPERATOR},
                                               {"admin", wharf::v1::OPERATOR_ROLE_ADMIN}});
    in.text("key", key, k_key_expected, [](std::string_view text) -> std::string {
        const bool good = text.find("-----BEGIN PUBLIC KEY-----") != std::string_view::npos &&
                          text.size() <= k_pem_bytes_max;
        return good ? "" : "expected " + std::string(k_key_expected);
    });
    in.finish();
    to.set_name(std::move(name));
    to.set_role(role);
    to.set_public_key(std::move(key));
}

void read_all(section root, wharf::v1::OperatorRoster& to) {
    for (section& in : root.list("operator", limits::k_operators_max))
        read_operator(in, *to.add_operators());
    std::vector<std::string> two;
    root.texts("two_person", two, limits::k_operators_max, "names of commands", {});
    for (std::string& name : two)
        to.mutable_two_person()->add_commands(std::move(name));
    root.finish();
}

} // namespace

result<wharf::v1::OperatorRoster> parse_operators(std::string_view text,
                                                  std::string_view file_name) {
    wharf::v1::OperatorRoster out;
    findings found{file_name};
    WHARF_TRY(config_detail::read_document(text, file_name, found,
                                           [&](section root) { read_all(root, out); }));
    return out;
}

} // namespace wharf
