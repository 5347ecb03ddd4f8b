#!/bin/sh
# Makes the certificates beside it, with OpenSSL 3. The authorities' keys are thrown away.
set -e
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
touch "$work/index"
cat >"$work/config" <<END
[ca]
default_ca = authority
[authority]
database = $work/index
new_certs_dir = $work
rand_serial = yes
unique_subject = no
default_md = sha256
policy = policy
x509_extensions = leaf
copy_extensions = copy
[policy]
commonName = supplied
[root]
basicConstraints = critical, CA:TRUE
subjectKeyIdentifier = hash
[leaf]
basicConstraints = CA:FALSE
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
END

request() { # key, request, subject, more options of "openssl req"
  key=$1 request=$2 subject=$3
  shift 3
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$key" \
    -out "$work/$request" -subj "/CN=$subject" "$@"
}

sign() { # request, certificate, last year, more options of "openssl ca"
  request=$1 certificate=$2 year=$3
  shift 3
  openssl ca -batch -notext -config "$work/config" -in "$work/$request" -out "$certificate" \
    -startdate 20000101000000Z -enddate "${year}0101000000Z" "$@"
}

authority() { # name, subject
  request "$work/$1.key" "$1.csr" "$2"
  sign "$1.csr" "$1.pem" 2126 -selfsign -keyfile "$work/$1.key" -extensions root
}

authority ca 'edgepg test authority'
authority other 'edgepg other authority'
set -- -cert ca.pem -keyfile "$work/ca.key"
request server.key server.csr localhost -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1'
request client.key client.csr edgepg_test -addext extendedKeyUsage=clientAuth
sign server.csr server.pem 2126 "$@"
sign server.csr expired.pem 2001 "$@"
sign client.csr client.pem 2126 "$@"
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key
