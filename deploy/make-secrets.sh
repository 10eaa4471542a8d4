#!/usr/bin/env bash
# Create the passwords, keys and certificates of deploy/compose.yaml, in deploy/secrets/, once:
#
#   sudo deploy/make-secrets.sh WEB_NAME             WEB_NAME: the name that people type, chartloom.hospital.example
#   sudo deploy/make-secrets.sh sender NAME          a certificate for a sender of ADT messages, in deploy/secrets/senders/
#
# Files that exist are kept. Each folder belongs to the user of the service that reads it. Replace chartloom/web.pem and
# chartloom/web.key by a certificate of your own authority, and keep a copy of deploy/secrets/ where backups are kept.
set -euo pipefail
umask 077

CHARTLOOM_USER=10001 # as in deploy/Dockerfile
POSTGRES_USER=999    # of the image postgres
YEARS=5
cd "$(dirname "$0")"
mkdir -p secrets && cd secrets

random() { openssl rand -hex 32; }

authority() {
  [ -e ca.pem ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days $((YEARS * 365)) -subj "/CN=Chartloom" \
    -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" -keyout ca.key -out ca.pem 2>/dev/null
}

certificate() { # certificate FILE NAME serverAuth|clientAuth [ALTERNATIVE_NAMES]
  [ -e "$1.pem" ] && return
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" -keyout "$1.key" -out "$1.csr" 2>/dev/null
  printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=%s\nsubjectAltName=%s\n' \
    "$3" "${4:-DNS:$2}" >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days $((YEARS * 365)) -extfile "$1.ext" -out "$1.pem" 2>/dev/null
  rm "$1.csr" "$1.ext"
}

if [ "${1:-}" = sender ]; then
  mkdir -p senders
  certificate "senders/${2:?the name of the sender}" "$2" clientAuth
  echo "The sender needs deploy/secrets/senders/$2.pem, $2.key and ca.pem."
  exit
fi

web=${1:?the name under which people reach the web application}
mkdir -p chartloom postgres store
authority
[ -e postgres/password ] || random >postgres/password
certificate postgres/server postgres serverAuth
certificate store/s3 store serverAuth "DNS:store,DNS:localhost,IP:127.0.0.1"
certificate chartloom/web "$web" serverAuth "DNS:$web,DNS:localhost,IP:127.0.0.1"
certificate chartloom/adt "$web" serverAuth
cp ca.pem chartloom/ca.pem

# Between the parts of the store: a certificate that is its own authority, so that no other certificate is accepted.
[ -e store/tls.crt ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days $((YEARS * 365)) -subj "/CN=store" \
  -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -keyout store/tls.key -out store/tls.crt 2>/dev/null
if [ ! -e store/security.toml ]; then
  folder=/run/secrets/store
  {
    for table in jwt.signing jwt.signing.read jwt.filer_signing jwt.filer_signing.read; do
      printf '[%s]\nkey = "%s"\n' "$table" "$(random)"
    done
    printf '[grpc]\nca = "%s/tls.crt"\n' "$folder"
    for part in master volume filer s3 admin worker client; do
      printf '[grpc.%s]\ncert = "%s/tls.crt"\nkey = "%s/tls.key"\n' "$part" "$folder" "$folder"
    done
  } >store/security.toml
fi
if [ ! -e store/s3.json ]; then
  access=$(random) secret=$(random)
  printf '{"identities": [{"name": "chartloom", "credentials": [{"accessKey": "%s", "secretKey": "%s"}], "actions": %s}]}\n' \
    "$access" "$secret" '["Admin", "Read", "Write", "List", "Tagging"]' >store/s3.json
  cat >chartloom/chartloom.toml <<TOML
[database]
dsn = "postgresql://chartloom:$(cat postgres/password)@postgres/chartloom?sslmode=verify-full&sslrootcert=/run/secrets/chartloom/ca.pem"

[storage]
endpoint = "store:8333"
access_key = "$access"
secret_key = "$secret"
secure = true
ca = "/run/secrets/chartloom/ca.pem"

[intake]
folder = "/intake/in"

[web]
host = "0.0.0.0"
tls_certificate = "/run/secrets/chartloom/web.pem"
tls_key = "/run/secrets/chartloom/web.key"
# The address of a proxy in front of it, if there is one:
#trusted_proxies = ["10.20.0.7"]

[adt]
host = "0.0.0.0"
tls_certificate = "/run/secrets/chartloom/adt.pem"
tls_key = "/run/secrets/chartloom/adt.key"
tls_client_ca = "/run/secrets/chartloom/ca.pem"
TOML
fi
if [ "$(id -u)" = 0 ]; then
  chown -R "$CHARTLOOM_USER:$CHARTLOOM_USER" chartloom store
  chown -R "$POSTGRES_USER:$POSTGRES_USER" postgres
else
  echo "Run as root, so that each folder belongs to the user of its service: chartloom and store to $CHARTLOOM_USER, postgres to $POSTGRES_USER." >&2
fi
echo "The secrets are in deploy/secrets/."
