#!/usr/bin/env bash
# Shows, in the kernel's words, that a PUBACK leaves only after the disk has the event: runs wharfd
# under strace, publishes one message at QoS 1 and prints the calls from its arrival to its answer.
#
#   show_puback_order.sh [WHARFD]      default: build/release/firmware/wharfd/wharfd
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
wharfd=${1:-${WHARFD:-$root/build/release/firmware/wharfd/wharfd}}
for needed in strace mosquitto_pub; do
    command -v "$needed" >/dev/null || { echo "$needed is missing: ./dev setup" >&2; exit 1; }
done
[[ -x $wharfd ]] || { echo "$wharfd is not built: ./dev build" >&2; exit 1; }

folder=$(mktemp -d /tmp/wharf-XXXXXX)
daemon=
finish() {
    [[ -z $daemon ]] || kill "$daemon" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT

cat >"$folder/wharfd.toml" <<TOML
[gateway]
name = "WH7"
site = "ber1"
[listener]
port = 0
[journal]
path = "$folder/journal"
size_max_mb = 64
[admin]
socket = "$folder/wharfd.sock"
http_port = 0
TOML

# -D: the shell's child is wharfd itself. -y: descriptors with their files.
strace -D -f -tt -y -x -s 20 -o "$folder/trace" \
    -e trace=openat,recvfrom,fdatasync,pwrite64,writev,write,sendmsg,sendto \
    "$wharfd" --config "$folder/wharfd.toml" 2>"$folder/log" &
daemon=$!
for _ in $(seq 200); do
    port=$(sed -n 's/.* listening .*[^_]port=\([0-9]*\).*/\1/p' "$folder/log")
    [[ -z $port ]] || break
    sleep 0.05
done
[[ -n $port ]] || { cat "$folder/log" >&2; exit 1; }

mosquitto_pub -V 311 -h 127.0.0.1 -p "$port" -i scanner-07 -q 1 \
    -t wharf/1/ber1/scanner-07/stock -s <<'JSON'
{"event_id": "a-1", "inventory_adjusted": {"stock": {"location": "A-01", "sku": "4711"},
 "delta": {"value": "-2", "unit": "EA"}, "reason": "damage"}}
JSON
kill "$daemon"
wait "$daemon" || true
daemon=
# strace may write its last lines a moment later.
for _ in $(seq 100); do
    grep -q '+++ exited' "$folder/trace" && break
    sleep 0.05
done

durable=$(sed -n 's/.*ring".*O_DSYNC.* = \([0-9]*\).*/\1/p' "$folder/trace" | tail -n 1)
echo "Descriptor $durable is the ring, opened with O_DSYNC: a write to it returns when the disk has it."
echo
awk -v durable="$durable" -v folder="$folder" '
    { sub(/^[0-9]+ +/, "") ; gsub(folder "/", "") }
    /recvfrom/ && /\\x32/       { on = 1 }
    !on                         { next }
    /EAGAIN|resumed>/ && /recvfrom/ { next }
    /recvfrom.*\\x32/           { note = "the PUBLISH has come" }
    /pwrite64|writev/           { note = "pages of the journal" }
    index($0, "pwrite64(" durable "<") { note = "the group as one record, durable: the event is on disk" }
    /fdatasync/                 { note = "sync" }
    /send(to|msg).*\\x40\\x02/  { note = "PUBACK (0x40 0x02)" }
    /data\.mdb|recvfrom.*\\x32|fdatasync|pwrite64|writev|send(to|msg)/ {
        print "--- " note; print "    " $0
    }
    /send(to|msg).*\\x40\\x02/  { exit }
' "$folder/trace"
