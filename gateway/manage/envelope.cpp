#include "gateway/manage/envelope.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

namespace wharf::manage {

namespace {

std::string with_purpose(std::string_view purpose, std::string_view bytes) {
    std::string out(purpose);
    out.push_back('\0');
    return out.append(bytes);
}

} // namespace

std::string command_to_sign(std::string_view command) {
    return with_purpose("wharf-fleet-1 command", command);
}

std::string report_to_sign(std::string_view report) {
    return with_purpose("wharf-fleet-1 report", report);
}

std::string secret_info(std::string_view command_id) {
    return with_purpose("wharf-fleet-1 secret", command_id);
}

status sign_command(wharf::v1::SignedCommand& command, const private_key& by) {
    WHARF_TRY_ASSIGN(auto value, by.sign(command_to_sign(command.command())));
    auto* added = command.add_signatures();
    added->set_key(std::string(view_of(by.half().fingerprint())));
    added->set_value(std::move(value));
    return ok();
}

result<wharf::v1::SignedReport> sign_report(std::string report, const private_key& by) {
    wharf::v1::SignedReport out;
    WHARF_TRY_ASSIGN(auto value, by.sign(report_to_sign(report)));
    out.set_report(std::move(report));
    out.mutable_signature()->set_key(std::string(view_of(by.half().fingerprint())));
    out.mutable_signature()->set_value(std::move(value));
    return out;
}

bool is_signed_by(const wharf::v1::SignedReport& report, const public_key& by) {
    return report.signature().key() == view_of(by.fingerprint()) &&
           by.verifies(report_to_sign(report.report()), report.signature().value());
}

sha256_digest content_digest(const wharf::v1::Command& command) {
    wharf::v1::Command same = command;
    same.clear_nonce();
    same.clear_expires_at_us();
    std::string bytes;
    {
        google::protobuf::io::StringOutputStream to(&bytes);
        google::protobuf::io::CodedOutputStream coded(&to);
        coded.SetSerializationDeterministic(true);
        same.SerializeToCodedStream(&coded);
    }
    return sha256(bytes);
}

} // namespace wharf::manage
