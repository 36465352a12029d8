#include "gateway/platform/bridge/paho_connection.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/base/text.hpp"

#include <algorithm>

namespace wharf {

namespace {

constexpr int k_qos = 1;
constexpr int k_refused_from = 0x80;

void add_number(MQTTProperties& to, MQTTPropertyCodes which, std::uint32_t value) {
    MQTTProperty property{};
    property.identifier = which;
    if (which == MQTTPROPERTY_CODE_RECEIVE_MAXIMUM)
        property.value.integer2 = static_cast<unsigned short>(value);
    else
        property.value.integer4 = value;
    WHARF_ASSERT(MQTTProperties_add(&to, &property) == 0);
}

std::string_view text_of(const MQTTLenString& text) {
    return {text.data, static_cast<std::size_t>(text.len)};
}

std::string words_of(int code, const char* message) {
    if (message != nullptr && *message != '\0') return message;
    return "code " + std::to_string(code);
}

// MQTT 3.1.1 section 3.2.2.3.
std::string words_of_3(int code, const char* message) {
    switch (code) {
    case 1:
        return "the broker refuses MQTT 3.1.1";
    case 2:
        return "the broker refuses this client id";
    case 3:
        return "the broker is not available";
    case 4:
        return "the broker refuses user and password";
    case 5:
        return "the broker does not authorise this user";
    default:
        return words_of(code, message);
    }
}

} // namespace

paho_connection::paho_connection(const site_broker_config& with, const std::string& password,
                                 const paho_callbacks& callbacks)
    : with_(with), password_(password), callbacks_(callbacks) {
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer;
    options.MQTTVersion = with_.mqtt5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
    const int made =
        MQTTAsync_createWithOptions(&client_, with_.url.c_str(), with_.client_id.c_str(),
                                    MQTTCLIENT_PERSISTENCE_NONE, nullptr, &options);
    WHARF_ASSERT(made == MQTTASYNC_SUCCESS); // the settings were checked
    // Before it connects: a message that comes when there is none would be lost.
    WHARF_ASSERT(MQTTAsync_setCallbacks(client_, this, on_lost, on_message, nullptr) ==
                 MQTTASYNC_SUCCESS);
    for (const std::string& filter : with_.topics)
        filters_.push_back(const_cast<char*>(filter.c_str()));
}

paho_connection::~paho_connection() {
    MQTTAsync_destroy(&client_);
}

status paho_connection::connect() {
    {
        const std::lock_guard hold(mutex_);
        over_ = false;
        tls_words_.clear();
    }
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    if (with_.mqtt5) options = MQTTAsync_connectOptions_initializer5;
    MQTTProperties properties = MQTTProperties_initializer;
    options.keepAliveInterval = with_.keep_alive_s;
    options.connectTimeout = static_cast<int>(with_.connect_timeout_s);
    options.context = this;
    if (with_.mqtt5) {
        options.cleanstart = 0;
        options.onSuccess5 = on_connected;
        options.onFailure5 = on_refused;
        add_number(properties, MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL,
                   with_.session_expiry_h * 3600);
        add_number(properties, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM, limits::k_bridge_window_max);
        add_number(properties, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE,
                   static_cast<std::uint32_t>(limits::k_bridge_frame_bytes_max));
        options.connectProperties = &properties;
    } else {
        options.MQTTVersion = MQTTVERSION_3_1_1;
        options.cleansession = 0;
        options.onSuccess = on_connected_3;
        options.onFailure = on_refused_3;
    }
    if (!with_.user.empty()) {
        options.username = with_.user.c_str();
        options.binarypwd.data = password_.data();
        options.binarypwd.len = static_cast<int>(password_.size());
    }
    MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
    if (with_.tls) {
        if (!with_.ca_file.empty()) tls.trustStore = with_.ca_file.c_str();
        if (!with_.certificate_file.empty()) {
            tls.keyStore = with_.certificate_file.c_str();
            tls.privateKey = with_.key_file.c_str();
        }
        tls.enableServerCertAuth = 1;
        tls.verify = 1; // the certificate has the broker's name
        tls.sslVersion = MQTT_SSL_VERSION_TLS_1_2;
        tls.ssl_error_cb = on_tls_error;
        tls.ssl_error_context = this;
        options.ssl = &tls;
    }
    const int begun = MQTTAsync_connect(client_, &options);
    MQTTProperties_free(&properties);
    if (begun == MQTTASYNC_SUCCESS) return ok();
    return error{errc::io, words_of(begun, MQTTAsync_strerror(begun))};
}

void paho_connection::disconnect(std::uint32_t wait_ms) {
    if (MQTTAsync_isConnected(client_) == 0) return;
    MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer;
    if (with_.mqtt5) options = MQTTAsync_disconnectOptions_initializer5;
    options.timeout = static_cast<int>(wait_ms);
    if (MQTTAsync_disconnect(client_, &options) != MQTTASYNC_SUCCESS) return; // it is gone
    using namespace std::chrono_literals;
    for (std::uint32_t waited = 0; waited < wait_ms; waited += 10) {
        if (MQTTAsync_isConnected(client_) == 0) return;
        std::this_thread::sleep_for(10ms);
    }
}

void paho_connection::over(const std::string& why) {
    {
        const std::lock_guard hold(mutex_);
        if (std::exchange(over_, true)) return;
    }
    callbacks_.over(printable(with_tls_words(why)));
}

// The library's own words say only that TLS failed.
std::string paho_connection::with_tls_words(std::string why) {
    const std::lock_guard hold(mutex_);
    return tls_words_.empty() ? why : why + " (" + tls_words_ + ")";
}

int paho_connection::on_tls_error(const char* text, std::size_t bytes, void* self) {
    auto& here = *static_cast<paho_connection*>(self);
    const std::lock_guard hold(here.mutex_);
    std::string_view words(text, bytes);
    while (!words.empty() && (words.back() == '\n' || words.back() == '\0'))
        words.remove_suffix(1);
    here.tls_words_ = words.substr(0, limits::k_bridge_words_bytes_max);
    return 1;
}

// --- connecting ----------------------------------------------------------------------------------

void paho_connection::on_connected(void* self, MQTTAsync_successData5* what) {
    static_cast<paho_connection*>(self)->subscribe(what->alt.connect.sessionPresent != 0);
}

void paho_connection::on_connected_3(void* self, MQTTAsync_successData* what) {
    static_cast<paho_connection*>(self)->subscribe(what->alt.connect.sessionPresent != 0);
}

void paho_connection::on_refused(void* self, MQTTAsync_failureData5* what) {
    const char* reason = what->reasonCode >= k_refused_from
                             ? MQTTReasonCode_toString(what->reasonCode)
                             : what->message;
    static_cast<paho_connection*>(self)->over("connect: " + words_of(what->code, reason));
}

void paho_connection::on_refused_3(void* self, MQTTAsync_failureData* what) {
    static_cast<paho_connection*>(self)->over("connect: " + words_of_3(what->code, what->message));
}

void paho_connection::on_lost(void* self, char* why) {
    static_cast<paho_connection*>(self)->over(
        "the connection was lost" + (why == nullptr ? std::string() : ": " + std::string(why)));
}

// On the library's thread, before it reads what follows CONNACK. The filters may be others than
// those of the session, so they are always said.
void paho_connection::subscribe(bool session_present) {
    callbacks_.connected(session_present);
    const auto count = filters_.size();
    std::vector<int> qos(count, k_qos);
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    options.context = this;
    // Retained messages come with a new subscription, not with a repeated one.
    MQTTSubscribe_options how = MQTTSubscribe_options_initializer;
    how.retainHandling = 1;
    std::vector<MQTTSubscribe_options> each(count, how);
    if (with_.mqtt5) {
        options.onSuccess5 = on_subscribed;
        options.onFailure5 = on_not_subscribed;
        options.subscribeOptionsCount = static_cast<int>(count);
        options.subscribeOptionsList = each.data();
        options.subscribeOptions = how;
    } else {
        options.onSuccess = on_subscribed_3;
        options.onFailure = on_not_subscribed_3;
    }
    const int begun = MQTTAsync_subscribeMany(client_, static_cast<int>(count), filters_.data(),
                                              qos.data(), &options);
    if (begun != MQTTASYNC_SUCCESS)
        over("subscribe: " + words_of(begun, MQTTAsync_strerror(begun)));
}

// For a single filter the library fills in the reason code alone and leaves the list as it is.
void paho_connection::on_subscribed(void* self, MQTTAsync_successData5* what) {
    auto& here = *static_cast<paho_connection*>(self);
    std::vector<int> qos = {static_cast<int>(what->reasonCode)};
    if (here.filters_.size() > 1)
        qos.assign(what->alt.sub.reasonCodes,
                   what->alt.sub.reasonCodes + what->alt.sub.reasonCodeCount);
    here.granted(qos);
}

void paho_connection::on_subscribed_3(void* self, MQTTAsync_successData* what) {
    auto& here = *static_cast<paho_connection*>(self);
    std::vector<int> qos = {what->alt.qos};
    if (here.filters_.size() > 1)
        qos.assign(what->alt.qosList, what->alt.qosList + here.filters_.size());
    here.granted(qos);
}

void paho_connection::on_not_subscribed(void* self, MQTTAsync_failureData5* what) {
    static_cast<paho_connection*>(self)->granted({what->reasonCode});
}

void paho_connection::on_not_subscribed_3(void* self, MQTTAsync_failureData*) {
    static_cast<paho_connection*>(self)->granted({k_refused_from});
}

void paho_connection::granted(const std::vector<int>& qos) {
    for (std::size_t i = 0; i < qos.size(); ++i) {
        if (qos[i] >= k_qos && qos[i] < k_refused_from) continue;
        const std::string& filter = with_.topics[std::min(i, with_.topics.size() - 1)];
        return over("subscribe: the broker " +
                    std::string(qos[i] >= k_refused_from ? "refuses" : "grants only QoS 0 for") +
                    " topic filter " + filter);
    }
    callbacks_.subscribed();
}

// --- messages ------------------------------------------------------------------------------------

int paho_connection::on_message(void* self, char* topic, int topic_bytes,
                                MQTTAsync_message* message) {
    // The length is 0 where the topic has no zero byte in it.
    const std::string_view name =
        topic_bytes > 0 ? std::string_view(topic, static_cast<std::size_t>(topic_bytes))
                        : std::string_view(topic);
    static_cast<paho_connection*>(self)->arrived(name, *message);
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

void paho_connection::arrived(std::string_view topic, const MQTTAsync_message& message) {
    broker_message out;
    out.topic = topic;
    out.payload = {static_cast<const char*>(message.payload),
                   static_cast<std::size_t>(message.payloadlen)};
    out.qos = static_cast<std::uint32_t>(message.qos);
    out.packet_id = static_cast<std::uint32_t>(message.msgid);
    out.dup = message.dup != 0;
    out.retain = message.retained != 0;
    for (int i = 0; with_.mqtt5 && i < message.properties.count; ++i) {
        const MQTTProperty& each = message.properties.array[i];
        if (each.identifier == MQTTPROPERTY_CODE_CONTENT_TYPE)
            out.content_type = text_of(each.value.data);
        else if (each.identifier == MQTTPROPERTY_CODE_USER_PROPERTY)
            out.properties.emplace_back(text_of(each.value.data), text_of(each.value.value));
    }
    callbacks_.message(out);
}

} // namespace wharf
