// UTF-8 as MQTT wants it (MQTT 5.0, section 1.5.4; 3.1.1, section 1.5.3): well formed, no
// surrogates, no U+0000. Any thread.
#pragma once

#include <string_view>

namespace wharf::mqtt {

[[nodiscard]] bool is_mqtt_utf8(std::string_view text) noexcept;

} // namespace wharf::mqtt
