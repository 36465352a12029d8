#include "gateway/identity/rules.hpp"

#include "gateway/codec/flat_event.hpp"
#include "gateway/codec/visit_body.hpp"
#include "gateway/identity/key_writer.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <optional>
#include <string>

namespace wharf {

namespace {

// An absent declaration and one of the epoch must differ.
void put_declaration(key_writer& key, const auto& event) {
    key.number(event.has_error_declaration() ? 1 : 0);
    if (!event.has_error_declaration()) return;
    const auto& at = event.error_declaration().declared_at();
    key.number(static_cast<std::uint64_t>(at.seconds()));
    key.number(static_cast<std::uint64_t>(at.nanos()));
}

void put_reversal(key_writer& key, const auto& event) {
    key.number(event.has_reversal() ? 1 : 0);
    if (event.has_reversal()) key.text(event.reversal().source()).text(event.reversal().event_id());
}

// Every one of the texts is there.
template <class... Text> bool present(const Text&... texts) noexcept {
    return (... && !texts.empty());
}

// The parts of the business key that only its kind has; false where one is missing.
template <class Body>
bool put_numbered(key_writer& key, const Body& body, std::string_view document) {
    if (!present(document, body.line())) return false;
    key.text(body.stock().site()).text(document).text(body.line()).number(body.sequence());
    return true;
}

bool put(key_writer& key, const reads_as<wharf::v1::InventoryAdjusted> auto& body) {
    if (!present(body.document(), body.line())) return false;
    key.text(body.stock().site()).text(body.document()).text(body.line());
    return true;
}

bool put(key_writer& key, const reads_as<wharf::v1::InventoryCounted> auto& body) {
    if (!present(body.document())) return false;
    key.text(body.document()).stock(body.stock()).number(body.revision());
    return true;
}

bool put(key_writer& key, const reads_as<wharf::v1::StockMoved> auto& body) {
    if (!present(body.task(), body.line())) return false;
    key.text(body.from().site()).text(body.task()).text(body.line()).number(body.sequence());
    return true;
}

bool put(key_writer& key, const reads_as<wharf::v1::StockStatusChanged> auto& body) {
    return put_numbered(key, body, body.document());
}

bool put(key_writer& key, const reads_as<wharf::v1::Reserved> auto& body) {
    return put_numbered(key, body, body.document());
}

bool put(key_writer& key, const reads_as<wharf::v1::Released> auto& body) {
    return put_numbered(key, body, body.document());
}

bool put(key_writer& key, const reads_as<wharf::v1::Received> auto& body) {
    return put_numbered(key, body, body.receipt());
}

bool put(key_writer& key, const reads_as<wharf::v1::Picked> auto& body) {
    return put_numbered(key, body, body.task());
}

// An SSCC is unique in the world, a package's name only where it was given.
bool put(key_writer& key, const reads_as<wharf::v1::Packed> auto& body) {
    const bool by_sscc = present(body.sscc());
    if (!by_sscc && !present(body.package())) return false;
    key.number(by_sscc ? 1 : 0).text(by_sscc ? body.sscc() : body.package());
    key.number(body.revision());
    return true;
}

bool put(key_writer& key, const reads_as<wharf::v1::Shipped> auto& body) {
    if (!present(body.shipment(), body.package(), body.line())) return false;
    key.text(body.stock().site()).text(body.shipment()).text(body.package()).text(body.line());
    key.number(body.revision());
    return true;
}

bool put(key_writer& key, const reads_as<wharf::v1::Milestone> auto& body) {
    if (!present(body.shipment(), body.package(), body.line())) return false;
    key.text(body.shipment()).text(body.package()).text(body.line()).number(body.revision());
    key.text(body.code());
    return true;
}

// "returned" is the first step of what happens to returned goods.
bool put(key_writer& key, const reads_as<wharf::v1::Returned> auto& body) {
    return put_numbered(key, body, body.rma());
}

bool put(key_writer& key, const reads_as<wharf::v1::Disposition> auto& body) {
    if (!put_numbered(key, body, body.rma())) return false;
    key.text(body.step());
    return true;
}

// False: it has none.
bool put_business_key(key_writer& key, const auto& event) {
    key.number(static_cast<std::uint64_t>(event.body_case()));
    put_reversal(key, event);
    put_declaration(key, event);
    return visit_body(event, [&key](const auto& body) { return put(key, body); });
}

// An event without what is not its content, for a scope. A post that is repeated under a new id
// says the same thing again: who carried it, what it called itself and how it is followed through
// logs are not what it says. When it happened is.
class without_names {
  public:
    explicit without_names(wharf::v1::Event& event) : event_(event) {
        source_.swap(*event.mutable_source());
        event_id_.swap(*event.mutable_event_id());
        correlation_id_.swap(*event.mutable_correlation_id());
        traceparent_.swap(*event.mutable_traceparent());
        tracestate_.swap(*event.mutable_tracestate());
        if (event.has_device_sequence()) device_sequence_ = event.device_sequence();
        event.clear_device_sequence();
    }
    ~without_names() {
        source_.swap(*event_.mutable_source());
        event_id_.swap(*event_.mutable_event_id());
        correlation_id_.swap(*event_.mutable_correlation_id());
        traceparent_.swap(*event_.mutable_traceparent());
        tracestate_.swap(*event_.mutable_tracestate());
        if (device_sequence_) event_.set_device_sequence(*device_sequence_);
    }
    without_names(const without_names&) = delete;
    without_names& operator=(const without_names&) = delete;

  private:
    wharf::v1::Event& event_;
    std::string source_, event_id_, correlation_id_, traceparent_, tracestate_;
    std::optional<std::uint64_t> device_sequence_;
};

digest128 content_of(wharf::v1::Event& event, const digest_key& key) {
    const without_names content(event);
    thread_local std::string bytes;
    bytes.resize(event.ByteSizeLong());
    {
        google::protobuf::io::ArrayOutputStream stream(bytes.data(),
                                                       static_cast<int>(bytes.size()));
        google::protobuf::io::CodedOutputStream out(&stream);
        out.SetSerializationDeterministic(true);
        event.SerializeWithCachedSizes(&out);
    }
    return keyed_digest(key, bytes);
}

// Fills a list from the front, in the memory of what was there before.
class key_list {
  public:
    key_list(const digest_key& digests, std::vector<identity_key>& keys)
        : digests_(digests), keys_(keys) {}

    void add(const key_writer& key) {
        if (count_ == keys_.size()) {
            keys_.emplace_back(digests_, std::string(key.bytes()));
        } else {
            keys_[count_].text = key.bytes();
            keys_[count_].hash = keyed_digest(digests_, key.bytes());
        }
        ++count_;
    }
    [[nodiscard]] bool empty() const { return count_ == 0; }
    void end() { keys_.erase(keys_.begin() + static_cast<std::ptrdiff_t>(count_), keys_.end()); }

  private:
    const digest_key& digests_;
    std::vector<identity_key>& keys_;
    std::size_t count_ = 0;
};

void put_keys(const auto& event, const digest128& content, key_list keys) {
    if (!event.event_id().empty()) {
        key_writer key(key_kind::native_id);
        key.text(event.source()).text(event.event_id());
        put_declaration(key, event);
        keys.add(key);
    }
    if (key_writer key(key_kind::business); put_business_key(key, event)) keys.add(key);
    if (keys.empty() && (event.has_occurred_at() || event.has_device_sequence())) {
        key_writer key(key_kind::content);
        key.text(event.source()).number(event.has_device_sequence() ? 1 : 0);
        key.number(event.device_sequence()).text(view_of(content));
        keys.add(key);
    }
    keys.end();
}

} // namespace

event_identity identity_of(wharf::v1::Event& event, const digest_key& digests) {
    event_identity out;
    out.content = content_of(event, digests);
    put_keys(event, out.content, {digests, out.keys});
    return out;
}

void identity_of(const flat::event_view& event, std::string_view content_bytes,
                 const digest_key& key, std::vector<identity_key>& keys, digest128& content) {
    content = keyed_digest(key, content_bytes);
    put_keys(event, content, {key, keys});
}

} // namespace wharf
