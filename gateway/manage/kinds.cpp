#include "gateway/manage/kinds.hpp"

#include <algorithm>
#include <array>

namespace wharf::manage {

namespace {

using wharf::v1::Command;

constexpr auto k_viewer = wharf::v1::OPERATOR_ROLE_VIEWER;
constexpr auto k_operator = wharf::v1::OPERATOR_ROLE_OPERATOR;
constexpr auto k_admin = wharf::v1::OPERATOR_ROLE_ADMIN;

constexpr std::array k_kinds = {
    command_kind{Command::kDescribe, "describe", k_viewer, false},
    command_kind{Command::kBooks, "books", k_viewer, false},
    command_kind{Command::kStatus, "status", k_viewer, false},
    command_kind{Command::kPause, "pause", k_operator, true},
    command_kind{Command::kResume, "resume", k_operator, true},
    command_kind{Command::kDeadList, "dead_list", k_viewer, false},
    command_kind{Command::kDeadRetry, "dead_retry", k_operator, true},
    command_kind{Command::kDeadDiscard, "dead_discard", k_operator, true},
    command_kind{Command::kQuarantineList, "quarantine_list", k_viewer, false},
    command_kind{Command::kQuarantineShow, "quarantine_show", k_viewer, false},
    command_kind{Command::kQuarantineDiscard, "quarantine_discard", k_operator, true},
    command_kind{Command::kAuditList, "audit_list", k_viewer, false},
    command_kind{Command::kOperatorsShow, "operators_show", k_viewer, false},
    command_kind{Command::kOperatorsChange, "operators_change", k_admin, true},
    command_kind{Command::kLogLevel, "log_level", k_operator, true},
    command_kind{Command::kConfigurationGet, "configuration_get", k_viewer, false},
    command_kind{Command::kConfigurationValidate, "configuration_validate", k_operator, false},
    command_kind{Command::kConfigurationApply, "configuration_apply", k_admin, true},
    command_kind{Command::kConfigurationConfirm, "configuration_confirm", k_admin, true},
    command_kind{Command::kConfigurationRevert, "configuration_revert", k_admin, true},
    command_kind{Command::kConfigurationClear, "configuration_clear", k_admin, true},
    command_kind{Command::kTrace, "trace", k_viewer, false},
    command_kind{Command::kReplay, "replay", k_operator, true},
    command_kind{Command::kQuarantineRelease, "quarantine_release", k_operator, true},
    command_kind{Command::kRateLimit, "rate_limit", k_operator, true},
    command_kind{Command::kLogTail, "log_tail", k_viewer, false},
    command_kind{Command::kSupportBundle, "support_bundle", k_admin, false},
    command_kind{Command::kDrain, "drain", k_operator, true},
    command_kind{Command::kRestart, "restart", k_admin, true},
    command_kind{Command::kReboot, "reboot", k_admin, true},
    command_kind{Command::kUpdate, "update", k_admin, true},
    command_kind{Command::kFactoryReset, "factory_reset", k_admin, true},
    command_kind{Command::kDecommission, "decommission", k_admin, true},
    command_kind{Command::kDeviceList, "device_list", k_viewer, false},
    command_kind{Command::kDevicePut, "device_put", k_admin, true},
    command_kind{Command::kDeviceRemove, "device_remove", k_admin, true},
    command_kind{Command::kDeviceEnable, "device_enable", k_admin, true},
    command_kind{Command::kDeviceDisable, "device_disable", k_operator, true},
    command_kind{Command::kKeyRotate, "key_rotate", k_admin, true},
    command_kind{Command::kCertificateRequest, "certificate_request", k_admin, true},
    command_kind{Command::kCertificateInstall, "certificate_install", k_admin, true},
};

} // namespace

const command_kind* kind_of(const Command& command) {
    const auto found = std::ranges::find(k_kinds, command.what_case(), &command_kind::which);
    return found == k_kinds.end() ? nullptr : &*found;
}

const command_kind* kind_named(std::string_view name) {
    const auto found = std::ranges::find(k_kinds, name, &command_kind::name);
    return found == k_kinds.end() ? nullptr : &*found;
}

std::string_view to_string(wharf::v1::OperatorRole role) {
    switch (role) {
    case k_viewer:
        return "viewer";
    case k_operator:
        return "operator";
    case k_admin:
        return "admin";
    default:
        return "nobody";
    }
}

} // namespace wharf::manage
