#!/bin/bash
# Sets up what Tocsin needs on a Debian machine, as root or with sudo. What is there already is left as it is.
#
#   vagrant/setup.sh serve|lint|demo|test|bench|all   all that this make target needs
#   vagrant/setup.sh coqui                            Coqui's voices as well: the package and what it needs, 2 GB
#   vagrant/setup.sh STEP...                          single steps: system, system-test, asterisk, python, references
#
# Debian packages come from the machine's own apt sources, Python packages from the index that pip is configured for.
# Nothing else is downloaded. What the tools say goes to build/setup.log; its end is shown when a step fails.
#
#   PYTHON         the Python that .venv is made with (default: python3; 3.11 or newer)
#   TOCSIN_EXTRAS  the optional dependencies to install with it (default: dev)
set -euo pipefail

REPO=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
cd -- "$REPO"

PYTHON=${PYTHON:-python3}
EXTRAS=${TOCSIN_EXTRAS-dev}
LOG=build/setup.log
ASTERISK_ROOT=.asterisk
ASTERISK_NEEDED=20
# Debian 12 and 13 have no Asterisk of their own. The next release has; unstable stands in while that one lacks it.
ASTERISK_SUITES=(forky sid)
RUN_PACKAGES=(ca-certificates python3 python3-venv)
# curl: what the pages give out is pasted and run. libatomic1: the program that drives Chromium needs it, and Debian minimal systems lack it.
TEST_PACKAGES=(chromium curl libatomic1 postgresql sip-tester)
# The checker of HTML runs on Java, whichever is there.
command -v java >/dev/null || TEST_PACKAGES+=(default-jre-headless)
# Most of Coqui's voices read text by way of this program.
COQUI_PACKAGES=(espeak-ng)

# On Debian these are outside an ordinary user's PATH, and that is where an installed Asterisk lies.
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

say() { printf '[%3d s] %s\n' "$SECONDS" "$*"; }

die() {
    printf '\nsetup: %s\n' "$*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# Asks for root's rights before a step begins whose output goes to the log.
need_root() {
    [ "$(id -u)" -eq 0 ] || { command -v sudo >/dev/null && sudo -v; } ||
        die "$1 needs root: run this as root or with sudo. Missing: $2"
}

# Runs a command with its output in the log.
logged() {
    printf '\n$ %s\n' "$*" >>"$LOG"
    "$@" >>"$LOG" 2>&1 </dev/null
}

failed() {
    printf '\n--- the end of %s ---\n' "$LOG" >&2
    tail -n 40 "$LOG" >&2
    die "$*"
}

# ---------------------------------------------------------------------------------------------- Debian packages

missing_packages() {
    local package
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || echo "$package"
    done
}

apt_get() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 "$@"; }

# True where apt's lists name every package.
lists_know() {
    local package
    for package in "$@"; do
        apt-cache show --no-all-versions "$package" >/dev/null 2>&1 || return 1
    done
}

install_packages() {
    local step=$1 missing
    shift
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || die "this is no Debian system: install these by hand: ${missing[*]}"
    need_root "$step" "${missing[*]}"
    if ! lists_know "${missing[@]}"; then
        say "$step: reading the package lists"
        logged apt_get update || failed "apt-get update failed"
    fi
    say "$step: installing ${missing[*]}"
    # Lists may name files that the archive has replaced since: then they are read again, once.
    logged apt_get install -y --no-install-recommends "${missing[@]}" ||
        { logged apt_get update && logged apt_get install -y --no-install-recommends "${missing[@]}"; } ||
        failed "these packages could not be installed: ${missing[*]}"
}

step_system() { install_packages system "${RUN_PACKAGES[@]}"; }

step_system_test() {
    local switch=/etc/postgresql-common/createcluster.d/tocsin-setup.conf status=0
    if [ -z "$(missing_packages postgresql)" ]; then
        install_packages system-test "${TEST_PACKAGES[@]}"
        return
    fi
    need_root system-test postgresql
    # The tests make database clusters of their own. Debian's package would make one more and start it: not wanted here.
    as_root mkdir -p "${switch%/*}"
    echo 'create_main_cluster = false' | as_root tee "$switch" >/dev/null
    (install_packages system-test "${TEST_PACKAGES[@]}") || status=$?
    as_root rm -f "$switch"
    return "$status"
}

# ---------------------------------------------------------------------------------------------------- Asterisk

# Prints the release number of the Asterisk that the given command starts; nothing where it does not start.
asterisk_major() { "$@" -V 2>/dev/null | sed -nE 's/^Asterisk (certified[-\/])?([0-9]+)\..*/\2/p'; }

# The program runs by the root's own loader and libraries: no chroot, no root rights, every path is this machine's.
asterisk_major_in() {
    local root=$1 loader libraries
    # lib64 on amd64, lib on arm64.
    loader=$(find "$root/lib64/" "$root/lib/" -maxdepth 1 -name 'ld-linux-*.so.*' -print -quit 2>/dev/null || true)
    libraries=$(find "$root/usr/lib" -maxdepth 2 -path '*-linux-gnu*/asterisk' -printf '%h:%p' -quit 2>/dev/null || true)
    [ -n "$loader" ] && [ -n "$libraries" ] || return 0
    asterisk_major "$loader" --library-path "$libraries" "$root/usr/sbin/asterisk"
}

new_enough() { [ -n "$1" ] && [ "$1" -ge "$ASTERISK_NEEDED" ]; }

# Prints the Debian mirror that this machine's own apt uses; nothing where that is not an ordinary one.
debian_mirror() {
    local id codename
    # shellcheck source=/dev/null
    { read -r id && read -r codename; } < <(. /etc/os-release && printf '%s\n%s\n' "$ID" "${VERSION_CODENAME-}") || return 0
    [ "$id" = debian ] || return 0
    # shellcheck disable=SC2016 # The dollar signs are apt's.
    apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        awk -v codename="$codename" '$1 == codename && $2 == "main" && $3 ~ /^https?:/ { print $3; exit }'
}

# Prints how this machine's apt reaches the archive (proxies, certificates), as options for an apt elsewhere.
apt_access() { apt-config dump 2>/dev/null | grep -E '^Acquire::(https?::|Check-Date )' | grep -vE '::User-Agent|"";$' || true; }

make_root() {
    local suite=$1 target=$2 mirror=$3 line options=()
    while IFS= read -r line; do
        [ -z "$line" ] || options+=("--aptopt=$line")
    done < <(apt_access)
    # Packages are unpacked and not configured: no script of theirs runs, nothing is mounted.
    # A mirror that lags behind by more than a week still serves; the signatures are checked all the same.
    as_root env DEBIAN_FRONTEND=noninteractive mmdebstrap --variant=extract --mode=root --format=directory \
        --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Retries "3"' \
        --aptopt='APT::Install-Recommends "false"' "${options[@]}" \
        --include=asterisk,asterisk-core-sounds-en,base-files "$suite" "$target" ${mirror:+"$mirror"}
}

# Makes an unpacked root fit for a checkout: no device files, nothing setuid, nothing that Asterisk never reads.
trim_root() {
    local root=$1 sounds=$1/usr/share/asterisk/sounds
    as_root find "$root/dev" -xdev -mindepth 1 -delete &&
        as_root rm -rf --one-file-system "$root"/usr/share/{perl,perl5,locale,man,info,lintian,bash-completion,bug,doc-base} \
            "$root"/usr/lib/*/{perl,perl5,perl-base} &&
        as_root find "$root/usr/share/doc" -type f ! -name copyright -delete &&
        as_root find "$root" -xdev -type f -perm /6000 -exec chmod ug-s {} + &&
        # A package's script would link the default voice, by an absolute path that leads out of this root.
        { [ -e "$sounds/en" ] || as_root ln -sfn en_US_f_Allison "$sounds/en"; } &&
        as_root chmod 0755 "$root" &&
        as_root chown -R -h "$(id -u):$(id -g)" "$root"
}

remove_unfinished() {
    local left
    for left in build/asterisk.new.*; do
        [ ! -e "$left" ] || as_root rm -rf --one-file-system "$left"
    done
}

step_asterisk() {
    local suite mirror mirrors=() new
    if new_enough "$(asterisk_major asterisk)" || new_enough "$(asterisk_major_in "$ASTERISK_ROOT")"; then
        return
    fi
    need_root asterisk "Asterisk $ASTERISK_NEEDED or newer"
    install_packages asterisk mmdebstrap
    remove_unfinished
    trap remove_unfinished EXIT
    mirror=$(debian_mirror)
    [ -z "$mirror" ] || mirrors+=("$mirror")
    mirrors+=("") # mmdebstrap's own default
    for mirror in "${mirrors[@]}"; do
        for suite in "${ASTERISK_SUITES[@]}"; do
            say "asterisk: unpacking Asterisk of Debian $suite into $ASTERISK_ROOT"
            new=build/asterisk.new.$$
            if logged make_root "$suite" "$new" "$mirror" && logged trim_root "$new" && new_enough "$(asterisk_major_in "$new")"; then
                [ ! -e "$ASTERISK_ROOT" ] || as_root rm -rf --one-file-system "$ASTERISK_ROOT"
                as_root mv -T "$new" "$ASTERISK_ROOT"
                trap - EXIT
                say "asterisk: release $(asterisk_major_in "$ASTERISK_ROOT") runs"
                return
            fi
            say "asterisk: that did not succeed"
            remove_unfinished
        done
    done
    failed "no Asterisk $ASTERISK_NEEDED or newer could be set up: install one by hand, or see the log above"
}

# ------------------------------------------------------------------------------------------------------ Python

python_stamp() {
    "$PYTHON" -c 'import sys; print(sys.version)'
    printf '%s\n%s\n' "$REPO" "$EXTRAS"
    sha256sum setup.cfg pyproject.toml
}

step_python() {
    local stamp=.venv/.setup wanted
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        die "Tocsin needs Python 3.11 or newer, and $PYTHON is $("$PYTHON" -V 2>&1 || true): name another one in PYTHON"
    wanted=$(python_stamp)
    if [ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ] && .venv/bin/python -c '' 2>/dev/null; then
        return
    fi
    # Only the lists of packages may have changed: an environment of the same Python in the same place is kept.
    if [ "$(head -n 3 "$stamp" 2>/dev/null || true)" != "$(head -n 3 <<<"$wanted")" ] || ! .venv/bin/python -m pip -V >/dev/null 2>&1; then
        say "python: making .venv"
        logged "$PYTHON" -m venv --clear .venv || failed "$PYTHON could not make .venv"
    fi
    rm -f "$stamp"
    say "python: installing the packages that setup.cfg names"
    logged .venv/bin/python -m pip install --disable-pip-version-check --no-input --progress-bar off -e ".${EXTRAS:+[$EXTRAS]}" ||
        failed "pip could not install the packages"
    printf '%s\n' "$wanted" >"$stamp"
}

# Coqui's voices come into the same environment and have a stamp of their own: other set-ups leave them alone.
step_coqui() {
    local stamp=.venv/.setup-coqui wanted
    install_packages coqui "${COQUI_PACKAGES[@]}"
    wanted=$(python_stamp)
    if [ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ]; then
        return
    fi
    say "coqui: installing coqui-tts and torch, which takes a minute or more"
    logged .venv/bin/python -m pip install --disable-pip-version-check --no-input --progress-bar off -e '.[coqui]' ||
        failed "pip could not install the extra coqui"
    logged .venv/bin/python -W ignore -m gateway.tts.coqui_download --check ||
        failed "Coqui was installed and cannot be loaded"
    printf '%s\n' "$wanted" >"$stamp"
}

# -------------------------------------------------------------------------------------------------- References

# What the benchmarks compare with, in places of their own. Nothing of it is needed: what cannot be had is left out.
REFERENCES=build/references
ALERTA=(alerta-server==9.1.0 psycopg2-binary==2.9.13 gunicorn==27.0.1)

install_alerta() {
    local stamp=$REFERENCES/alerta/.setup
    [ "$(cat "$stamp" 2>/dev/null || true)" != "${ALERTA[*]}" ] || return 0
    say "references: installing Alerta"
    logged "$PYTHON" -m venv --clear "$REFERENCES/alerta" &&
        logged "$REFERENCES/alerta/bin/python" -m pip install --disable-pip-version-check --no-input --progress-bar off "${ALERTA[@]}" &&
        printf '%s\n' "${ALERTA[*]}" >"$stamp"
}

# The package is unpacked and not installed: nothing of it is started, now or when the machine starts. The program knows
# its templates by one path alone, which becomes one of the same length: the directory that it is started in.
ALERTMANAGER_FILES=/usr/share/prometheus/alertmanager
ALERTMANAGER_FILES_HERE=/proc/self/cwd/./././././././././/
install_alertmanager() {
    local new=$REFERENCES/alertmanager.new
    [ ! -x "$REFERENCES/alertmanager/usr/bin/prometheus-alertmanager" ] || return 0
    say "references: unpacking Alertmanager"
    rm -rf "$new"
    mkdir -p "$new"
    (cd "$new" && apt-get -o Acquire::Retries=3 download prometheus-alertmanager) >>"$LOG" 2>&1 </dev/null &&
        logged dpkg-deb -x "$new"/*.deb "$new" &&
        LC_ALL=C sed -i "s|$ALERTMANAGER_FILES|$ALERTMANAGER_FILES_HERE|g" "$new/usr/bin/prometheus-alertmanager" &&
        cp "$new$ALERTMANAGER_FILES"/*.tmpl "$new/" &&
        rm -rf "$REFERENCES/alertmanager" &&
        mv -T "$new" "$REFERENCES/alertmanager"
}

step_references() {
    mkdir -p "$REFERENCES"
    install_alerta || say "references: Alerta could not be installed: the figures beside it are left out"
    install_alertmanager || say "references: Alertmanager could not be installed: the figures beside it are left out"
}

# ------------------------------------------------------------------------------------------------------- main

usage() {
    sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2
    exit 2
}

main() {
    local step steps=()
    [ $# -gt 0 ] || usage
    for step in "$@"; do
        case $step in
        serve | lint) steps+=(system python) ;;
        demo) steps+=(system asterisk python) ;;
        test | all) steps+=(system system_test asterisk python) ;;
        bench) steps+=(system system_test asterisk python references) ;;
        coqui) steps+=(system python coqui) ;;
        system | asterisk | python | references) steps+=("$step") ;;
        system-test) steps+=(system_test) ;;
        *) usage ;;
        esac
    done
    mkdir -p build
    # Two set-ups of one checkout take turns.
    exec 9>build/.setup.lock
    flock 9
    : >"$LOG"
    for step in "${steps[@]}"; do
        "step_$step"
    done
    [ ! -s "$LOG" ] || say "set up"
}

main "$@"
