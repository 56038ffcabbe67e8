"""Giving a running Asterisk a changed configuration without losing a call.

What was last loaded is kept beside the configuration: the files alone do not tell it, as whoever wrote them may have
been ended before Asterisk was told. Commands go by Asterisk's own control socket, which belongs to its user; the AMI
user may not reload anything.
"""

import re
import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from gateway.channels.asterisk.provision_files import Layout
from gateway.channels.asterisk.provision_process import Installation, console

_DIALPLAN = "extensions.conf"
_SIP = "pjsip.conf"
_MODULES = "modules.conf"
# What to say to Asterisk when a file has changed. Its SIP is several modules that read one file.
_COMMANDS = {
    "acl.conf": ("module reload acl",),
    "amd.conf": ("module reload app_amd.so",),
    "ccss.conf": ("module reload ccss",),
    "cdr.conf": ("module reload cdr",),
    "cel.conf": ("module reload cel",),
    _DIALPLAN: ("dialplan reload",),
    "features.conf": ("module reload features",),
    "indications.conf": ("module reload indications",),
    "logger.conf": ("logger reload",),
    "manager.conf": ("manager reload",),
    "pjproject.conf": ("module reload res_pjproject.so",),
    _SIP: (
        "module reload res_pjsip.so",
        "module reload res_pjsip_acl.so",
        "module reload res_pjsip_endpoint_identifier_ip.so",
        "module reload res_pjsip_outbound_registration.so",
    ),
    "rtp.conf": ("module reload res_rtp_asterisk.so",),
    "udptl.conf": ("module reload udptl",),
}
_AT_START = {
    "asterisk.conf": "the number of calls at once (max_calls), or its directories",
    "system": "timers of SIP",
    "transport": "an address or TLS setting of SIP",
}
_POLL = 0.2  # seconds between two looks for calls
_IDLE = re.compile(r"^0 active channels", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What a running Asterisk was given (names of files), and in words what it will only take when it is started."""

    files: tuple[str, ...]
    pending: tuple[str, ...]


def note_loaded(layout: Layout) -> None:
    """Keep a copy of all files as what Asterisk has loaded."""
    for file in layout.etc.glob("*.conf"):
        _note(layout, file)


def reload(installation: Installation, layout: Layout, before: Mapping[str, bytes], idle_within: timedelta) -> Reloaded:
    """Have the running Asterisk of this layout take the files that differ from what it has loaded.

    ``before`` are the files as they were before they were written, for an Asterisk of which nothing was noted. The
    dialplan is exchanged in a moment without calls, within ``idle_within``: a call goes on at the line of the new one
    that has the number of its own. Raises ``ProvisionError`` where Asterisk does not take a command.
    """
    taken: list[str] = []
    pending: list[str] = []
    for file in sorted(layout.etc.glob("*.conf"), key=lambda file: (_RANK.get(file.name, 1), file.name)):
        loaded, wanted = _loaded(layout, file, before), file.read_bytes()
        if loaded == wanted:
            continue
        reasons = _only_at_start(file.name, loaded.decode(), wanted.decode())
        if file.name == _DIALPLAN and not _idle(installation, layout, idle_within):
            reasons = ["the dialplan: it is exchanged when no call is in progress, so reload once more"]
        elif file.name == _MODULES:
            reasons += _load_modules(installation, layout, loaded.decode(), wanted.decode())
            taken.append(file.name)
        elif file.name in _COMMANDS:
            for command in _COMMANDS[file.name]:
                console(installation, layout, command)
            taken.append(file.name)
        if file.name == _SIP:
            reasons += _not_taken(installation, layout, wanted.decode())
            _register(installation, layout, loaded.decode(), wanted.decode())
        pending += reasons
        if not reasons:
            _note(layout, file)
    return Reloaded(tuple(taken), tuple(dict.fromkeys(pending)))


# Modules first: what the other files name may come with them. The dialplan last: it may have to wait.
_RANK = {_MODULES: 0, _DIALPLAN: 2}


def _only_at_start(name: str, loaded: str, wanted: str) -> list[str]:
    """Return what of a file's changes needs a new start."""
    if name in _AT_START:
        return [_AT_START[name]]
    if name not in {*_COMMANDS, _MODULES}:
        return [f"the file {name}"]
    if name != _SIP:
        return []
    old, new = _sections(loaded), _sections(wanted)
    changed = {section for section in old.keys() & new.keys() if old[section] != new[section]}
    kinds = {kind for kind in ("system", "transport") if any(section[1] == kind for section in changed)}
    return [_AT_START[kind] for kind in sorted(kinds)]


def _sections(text: str) -> dict[tuple[str, str], list[str]]:
    """Return the settings of a file by the name and the type of their section."""
    found: dict[tuple[str, str], list[str]] = {}
    for block in re.split(r"^(?=\[)", text, flags=re.MULTILINE)[1:]:
        lines = [line for line in block.splitlines() if line and not line.startswith(";")]
        kind = next((line.partition("=")[2].strip() for line in lines if re.match(r"type\s*=", line)), "")
        found[lines[0].strip("[]"), kind] = lines[1:]
    return found


def _load_modules(installation: Installation, layout: Layout, loaded: str, wanted: str) -> list[str]:
    """Load the modules that were added; those that are no longer named stay until the next start, and do no harm."""
    pattern = re.compile(r"^load = (\S+)", re.MULTILINE)
    missing = []
    for module in sorted(set(pattern.findall(wanted)) - set(pattern.findall(loaded))):
        said = console(installation, layout, f"module load {module}")
        if "Unable to load" in said:
            missing.append(f"the module {module}: {said.strip()}")
    return missing


def _register(installation: Installation, layout: Layout, loaded: str, wanted: str) -> None:
    """Register with changed passwords now: what was refused with the old ones would be tried again minutes later."""
    old, new = _sections(loaded), _sections(wanted)
    for name, kind in new:
        if kind == "registration" and (name, "auth") in old and old[name, "auth"] != new[name, "auth"]:
            console(installation, layout, f"pjsip send register {name}")


def _not_taken(installation: Installation, layout: Layout, wanted: str) -> list[str]:
    """Return the trunks that do not run with these settings: Asterisk keeps what it had where it cannot use them."""
    missing = []
    for (name, kind), lines in _sections(wanted).items():
        version = next((line.partition("=")[2].strip() for line in lines if line.startswith("accountcode")), "")
        if kind == "endpoint" and version not in console(installation, layout, f"pjsip show endpoint {name}"):
            missing.append(f"the trunk {name}: Asterisk did not take its settings, and says why in {layout.log}")
    return missing


def _idle(installation: Installation, layout: Layout, within: timedelta) -> bool:
    """Wait until no call is in progress; false where there was one all the time."""
    end = time.monotonic() + within.total_seconds()
    pause = threading.Event()
    while not (idle := bool(_IDLE.search(console(installation, layout, "core show channels count")))):
        if time.monotonic() >= end:
            break
        pause.wait(_POLL)
    return idle


def _loaded(layout: Layout, file: Path, before: Mapping[str, bytes]) -> bytes:
    try:
        return (layout.loaded / file.name).read_bytes()
    except OSError:
        return before.get(file.name, b"")


def _note(layout: Layout, file: Path) -> None:
    layout.loaded.mkdir(mode=0o700, exist_ok=True)
    draft = layout.loaded / f"{file.name}.new"
    # Like its source, the copy is for its owner alone: copy2 takes the mode along before it is found under its name.
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    shutil.copy2(file, draft)
    draft.replace(layout.loaded / file.name)
