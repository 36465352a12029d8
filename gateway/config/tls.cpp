#include "gateway/config/tls.hpp"

#include "gateway/config/checks.hpp"

namespace wharf::config_detail {

namespace {

constexpr std::string_view k_path = "an absolute path";

void path(section& in, std::string_view key, std::string& to) {
    in.text(key, to, k_path, check_path);
}

void read_tls_section(section in, listener_tls_config& to) {
    to.present = in.present();
    if (to.present) {
        in.required("certificate", "the PEM file of the gateway's certificate");
        in.required("key", "the PEM file of its key");
    }
    in.text("address", to.address, "an IPv4 or IPv6 address", check_address);
    in.number("port", to.port, 0, 65'535);
    path(in, "certificate", to.certificate);
    path(in, "key", to.key);
    in.choice(
        "client_certificates", to.client_certificates,
        choices<client_certificates_choice>{{"none", client_certificates_choice::none},
                                            {"optional", client_certificates_choice::optional},
                                            {"required", client_certificates_choice::required}});
    path(in, "client_ca", to.client_ca);
    path(in, "crl", to.crl);
    in.number("handshake_threads", to.handshake_threads, 1, limits::k_workers_max);
    const bool asks = to.client_certificates != client_certificates_choice::none;
    if (asks && !in.has("client_ca"))
        in.error("client_certificates",
                 "expected client_ca beside it: the authorities that sign devices' certificates");
    if (!asks && (in.has("client_ca") || in.has("crl")))
        in.error(in.has("client_ca") ? "client_ca" : "crl",
                 "expected client_certificates = \"optional\" or \"required\" beside it: "
                 "else no device is asked for a certificate");
    in.finish();
}

} // namespace

std::string check_address(std::string_view text) {
    return is_ip_address(text) ? std::string{} : "expected an IPv4 or IPv6 address";
}

void read_listener_tls(section& in, listener_config& to) {
    in.choice("plain_text", to.plain_text,
              choices<plain_text_choice>{{"loopback", plain_text_choice::loopback},
                                         {"allowed", plain_text_choice::allowed},
                                         {"never", plain_text_choice::never}});
    read_tls_section(in.inner("tls"), to.tls);
    const bool plain = to.listens_plain();
    if (!plain && !to.tls.present)
        in.error(in.has("plain_text") ? "plain_text" : "address",
                 "expected [listener.tls] with the gateway's certificate, or plain_text = "
                 "\"allowed\" where devices may really talk to it without TLS, found neither");
    if (plain && to.tls.present && to.port != 0 && to.port == to.tls.port &&
        to.address == to.tls_address())
        in.error("port", "expected it to differ from tls.port, found " + std::to_string(to.port) +
                             " for both");
    if (plain && !is_loopback(to.address))
        in.warning("address",
                   "devices on the network talk to this listener without TLS: keep it on "
                   "a network of its own");
}

void read_destination_tls(section& in, destination_config& to, bool has_url) {
    path(in, "tls_ca", to.tls_ca);
    path(in, "tls_crl", to.tls_crl);
    path(in, "tls_certificate", to.tls_certificate);
    path(in, "tls_key", to.tls_key);
    for (const char* key : {"tls_ca", "tls_crl", "tls_certificate", "tls_key"})
        if (has_url && !to.url.tls && in.has(key))
            in.error(key, "expected a url that begins with https:// beside it, found " +
                              quoted(to_string(to.url)));
    if (in.has("tls_certificate") != in.has("tls_key"))
        in.error(in.has("tls_key") ? "tls_key" : "tls_certificate",
                 "expected tls_certificate and tls_key together, found one of them");
}

} // namespace wharf::config_detail
