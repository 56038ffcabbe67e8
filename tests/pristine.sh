#!/bin/bash
# Proves in a new Debian 12 root that this checkout sets itself up: runs the given commands there, one after the other.
#
#   tests/pristine.sh [OPTION]... [COMMAND]...        (default commands: 'make demo' 'make test' 'make test')
#
#   --root DIR    where to make the root (default: a new directory under $TMPDIR or /tmp); it must not exist
#   --keep        leave the root there for a look; `tests/pristine.sh --reuse DIR COMMAND...` goes on in it
#   --reuse DIR   take a root that --keep has left, with its clone as it is
#   --committed   take the last commit alone, instead of the files as they are now
#
# Needs root's rights, mmdebstrap and git. Each command runs by bash in the clone, with CI=true and nothing on standard
# input; the first that fails, or that leaves a process running, ends the proof. Nothing of this machine's settings goes
# in but what stands in the way of its network otherwise: /etc/hosts, /etc/resolv.conf, proxies, and the certificate
# bundles and pip configuration that environment variables name.
set -euo pipefail

REPO=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
NAMED_FILES=(PIP_CERT PIP_CONFIG_FILE SSL_CERT_FILE REQUESTS_CA_BUNDLE CURL_CA_BUNDLE GIT_SSL_CAINFO NODE_EXTRA_CA_CERTS)
NAMED_VALUES=(http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY PIP_INDEX_URL PIP_DEFAULT_TIMEOUT)
CLONE=root/tocsin

say() { printf '\n=== %s\n' "$*"; }

die() {
    printf 'pristine: %s\n' "$*" >&2
    exit 1
}

# ------------------------------------------------ inside: process 1 of namespaces of its own, given the root's path
#
# The mounts below exist for this process and its children alone, so they end with it; so does every process started.

mount_root() {
    local root=$1
    mount --make-rprivate /
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
    mkdir -p "$root/dev/shm" "$root/dev/pts"
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
    (: <"$root/dev/null") 2>/dev/null || die "$root is on a file system without device files: choose another place by --root"
}

# Prints the processes of this namespace that are neither this script's nor kernel leftovers.
left_running() {
    local process
    for process in /proc/[0-9]*; do
        [ "$(readlink "$process/root" 2>/dev/null || true)" != / ] || continue
        grep -q '^State:[[:space:]]*Z' "$process/status" 2>/dev/null && continue
        tr '\0' ' ' <"$process/cmdline" 2>/dev/null && echo
    done
}

run_inside() {
    local root=$1 name command begun status left tries environment=()
    shift
    mount_root "$root"
    mount -t proc proc /proc
    for name in "${NAMED_FILES[@]}" "${NAMED_VALUES[@]}"; do
        [ -z "${!name-}" ] || environment+=("$name=${!name}")
    done
    for command in "$@"; do
        say "$command"
        begun=$SECONDS status=0
        env -i HOME=/root USER=root LANG=C.UTF-8 TERM=dumb CI=true "${environment[@]}" \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            chroot "$root" /bin/bash -c "cd /$CLONE && $command" </dev/null || status=$?
        say "$command: status $status after $((SECONDS - begun)) s"
        [ "$status" -eq 0 ] || exit "$status"
        # A process that is ending may take a moment longer than the command.
        for ((tries = 0; tries < 50; tries++)); do
            left=$(left_running)
            [ -n "$left" ] || break
            sleep 0.1
        done
        [ -z "$left" ] || die "'$command' left these running: $left"
    done
}

# ------------------------------------------------------------------------------------------------------- outside

copy_files() {
    local root=$1 name file
    cp -L /etc/hosts "$root/etc/hosts"
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    uname -n >"$root/etc/hostname"
    for name in "${NAMED_FILES[@]}"; do
        file=${!name-}
        if [ ! -f "$file" ]; then continue; fi
        mkdir -p "$root${file%/*}"
        cp -L "$file" "$root$file"
    done
}

copy_checkout() {
    local root=$1 committed=$2
    git clone --quiet --no-hardlinks "$REPO" "$root/$CLONE"
    [ -z "$committed" ] || return 0
    find "$root/$CLONE" -mindepth 1 -maxdepth 1 ! -name .git -exec rm -rf {} +
    git -C "$REPO" ls-files --cached --others --exclude-standard -z |
        (cd "$REPO" && while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done) |
        tar -C "$REPO" --null --files-from=- -c | tar -C "$root/$CLONE" --no-same-owner -x
}

remove_root() {
    local root=$1
    [ -d "$root" ] || return 0
    # The mounts were in a namespace that is gone. Should one be there all the same, nothing is deleted.
    if awk -v prefix="$root/" 'index($5 "/", prefix) == 1 { found = 1 } END { exit !found }' /proc/self/mountinfo; then
        printf 'pristine: something is mounted in %s: it is left there\n' "$root" >&2
        return 0
    fi
    rm -rf --one-file-system "$root"
}

main() {
    local root='' keep='' reuse='' committed='' commands=('make demo' 'make test' 'make test')
    while [ $# -gt 0 ]; do
        case $1 in
        --root) root=${2:?--root needs a directory} && shift ;;
        --reuse) root=${2:?--reuse needs a directory} reuse=yes keep=yes && shift ;;
        --keep) keep=yes ;;
        --committed) committed=yes ;;
        --) shift && break ;;
        -*) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2 && exit 2 ;;
        *) break ;;
        esac
        shift
    done
    [ $# -eq 0 ] || commands=("$@")
    [ "$(id -u)" -eq 0 ] || die "needs root's rights, for mounts and chroot"
    unshare --mount --pid --fork true 2>/dev/null || die "this machine allows no mount namespaces: run it where mounts are permitted"
    if [ -n "$reuse" ]; then
        [ -d "$root/$CLONE" ] || die "$root holds no clone"
        root=$(realpath "$root")
    else
        [ -z "$root" ] || [ ! -e "$root" ] || die "$root exists already: remove it, or take it by --reuse"
        root=$(realpath -m "${root:-$(mktemp -d "${TMPDIR:-/tmp}/tocsin-pristine.XXXXXX")/root}")
        # shellcheck disable=SC2064 # The path is the one of now.
        [ -n "$keep" ] || trap "remove_root '$root'; rmdir --ignore-fail-on-non-empty '${root%/*}' 2>/dev/null || true" EXIT
        say "a Debian 12 root in $root"
        mmdebstrap --quiet --variant=important --mode=root --include=git,make,ca-certificates bookworm "$root"
        copy_files "$root"
        copy_checkout "$root" "$committed"
    fi
    unshare --mount --pid --fork --kill-child -- "${BASH_SOURCE[0]}" --inside "$root" "${commands[@]}"
    say "proved: ${commands[*]}"
    [ -z "$keep" ] || say "the root is kept in $root"
}

if [ "${1-}" = --inside ]; then
    shift
    run_inside "$@"
else
    main "$@"
fi
