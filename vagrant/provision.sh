#!/bin/bash
# Installs Tocsin from this checkout as a service on a Debian 12 machine, as root. Run it again to upgrade.
#
#   program         /opt/tocsin, with the Python packages and the Asterisk that `make demo` sets up too
#   configuration   /etc/tocsin/tocsin.yaml, made from vagrant/tocsin.yaml where there is none
#   data            /var/lib/tocsin
#   services        tocsin.service (the gateway), tocsin-asterisk.service (its Asterisk), user tocsin
#
# For the first configuration only:
#   TOCSIN_BIND        address and port of the web pages (default 127.0.0.1:8080)
#   TOCSIN_PUBLIC_URL  where people's browsers and providers reach them (default http://127.0.0.1:8080)
set -euo pipefail

SOURCE=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
PROGRAM=/opt/tocsin
CONFIG=/etc/tocsin/tocsin.yaml
DATA=/var/lib/tocsin
UNITS=(tocsin-asterisk.service tocsin.service)

say() { printf '==> %s\n' "$*"; }

die() {
    printf 'provision: %s\n' "$*" >&2
    exit 1
}

copy_program() {
    [ "$SOURCE" != "$PROGRAM" ] || return 0
    say "copying the program to $PROGRAM"
    mkdir -p "$PROGRAM"
    # What set-up made there stays; files that this version no longer has go.
    find "$PROGRAM" -mindepth 1 -maxdepth 1 ! -name .venv ! -name .asterisk ! -name build -exec rm -rf --one-file-system {} +
    tar -C "$SOURCE" --exclude-vcs --exclude=./.venv --exclude=./.asterisk --exclude=./build --exclude=./var \
        --exclude=./tocsin.yaml --exclude='.*_cache' --exclude=.vagrant --exclude=__pycache__ --exclude='*.egg-info' -c . |
        tar -C "$PROGRAM" --no-same-owner -x
    chown root:root "$PROGRAM"
    chmod 0755 "$PROGRAM"
}

make_account() {
    getent passwd tocsin >/dev/null && return
    say "making the user tocsin"
    useradd --system --user-group --home-dir "$DATA" --no-create-home --shell /usr/sbin/nologin tocsin
}

make_config() {
    install -d -o root -g tocsin -m 0750 "${CONFIG%/*}"
    install -d -o tocsin -g tocsin -m 0750 "$DATA"
    [ ! -e "$CONFIG" ] || return 0
    say "writing $CONFIG"
    local bind=${TOCSIN_BIND:-127.0.0.1:8080} public_url=${TOCSIN_PUBLIC_URL:-http://127.0.0.1:8080}
    sed -e "s|^  bind: .*|  bind: $bind|" -e "s|^  public_url: .*|  public_url: $public_url|" \
        "$SOURCE/vagrant/tocsin.yaml" >"$CONFIG.new"
    chown root:tocsin "$CONFIG.new"
    chmod 0640 "$CONFIG.new"
    mv "$CONFIG.new" "$CONFIG"
}

install_units() {
    local unit
    say "installing ${UNITS[*]}"
    for unit in "${UNITS[@]}"; do
        install -D -m 0644 "$SOURCE/vagrant/$unit" "/etc/systemd/system/$unit"
    done
    # The services may not write beside the program: what Python would cache there is made now.
    "$PROGRAM/.venv/bin/python" -m compileall -q "$PROGRAM"/{gateway,actors,web}
    ln -sfn "$PROGRAM/.venv/bin/tocsin" /usr/local/bin/tocsin
}

start_units() {
    local unit
    # Also where systemd is not running, as in the root of an image that is being made.
    ! command -v systemctl >/dev/null || systemctl --quiet enable "${UNITS[@]}"
    if [ ! -d /run/systemd/system ]; then
        say "systemd is not running here: the services are installed and not started"
        return
    fi
    systemctl daemon-reload
    for unit in "${UNITS[@]}"; do
        say "starting $unit"
        systemctl restart "$unit" || {
            journalctl --unit "$unit" --lines 30 --no-pager >&2
            die "$unit did not start: its last log lines are above"
        }
    done
}

[ "$(id -u)" -eq 0 ] || die "run this as root"
copy_program
"$PROGRAM/vagrant/setup.sh" demo
make_account
make_config
install_units
start_units
say "done; what else it needs: runuser -u tocsin -- tocsin --config $CONFIG doctor"
