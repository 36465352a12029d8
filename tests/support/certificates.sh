#!/usr/bin/env bash
# certificates.sh FOLDER: what the tests of TLS show each other. Authorities, servers, devices, and a
# revocation list, each NAME.pem with its NAME.key. Good for ten years from now.
set -euo pipefail
cd "$1"

cat >ca.cnf <<'TEXT'
[ca]
default_ca = this
[this]
database = index.txt
new_certs_dir = .
serial = serial
default_md = sha256
default_days = 3650
default_crl_days = 3650
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
[leaf]
basicConstraints = CA:FALSE
TEXT

new_key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"; }

# authority NAME: signs itself.
authority() {
    new_key "$1"
    openssl req -config ca.cnf -x509 -new -key "$1.key" -sha256 -days 3650 -extensions root \
        -subj "/CN=$1" -out "$1.pem"
}

# signed NAME AUTHORITY SUBJECT SAN [EXTENSIONS]: of the key NAME.key, which is made where it is missing.
signed() {
    [[ -f $1.key ]] || new_key "$1"
    openssl req -config ca.cnf -new -key "$1.key" -subj "/CN=$3" -addext "subjectAltName=$4" -out "$1.csr"
    openssl ca -config ca.cnf -batch -notext -cert "$2.pem" -keyfile "$2.key" -in "$1.csr" \
        -extensions "${5:-leaf}" -out "$1.pem" 2>ca.log || { cat ca.log >&2; exit 1; }
}

: >index.txt
echo 1000 >serial
authority authority
authority stranger
signed between authority between DNS:between root
signed server authority gateway DNS:localhost,DNS:gateway.test,IP:127.0.0.1,IP:::1
signed renewed authority gateway DNS:localhost,IP:127.0.0.1
signed elsewhere authority elsewhere DNS:elsewhere.test
signed unknown stranger gateway DNS:localhost,IP:127.0.0.1
signed chained between gateway DNS:localhost
cat between.pem >>chained.pem
signed device authority scanner-07 DNS:scanner-07.test,URI:urn:wharf:scanner-07
signed operator authority ops-1 DNS:ops-1.test
signed revoked authority scanner-13 DNS:scanner-13.test
signed foreign stranger scanner-99 DNS:scanner-99.test
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key
signed rsa authority gateway DNS:localhost
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out weak.key
signed weak authority gateway DNS:localhost

crl() { openssl ca -config ca.cnf -cert "$1.pem" -keyfile "$1.key" "${@:2}" 2>ca.log || { cat ca.log >&2; exit 1; }; }
crl authority -gencrl -out nobody_revoked.crl
crl stranger -gencrl -out strange.crl
crl authority -revoke revoked.pem
crl authority -gencrl -out revoked.crl
