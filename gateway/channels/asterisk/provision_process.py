"""One Asterisk process on this machine: which program, its start, its end.

The process outlives the one that started it. It is found again by the id that it left in its
run directory, and believed to be that process only while its command line names its configuration.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sysconfig
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from gateway.channels.asterisk.link import ManagerLogin
from gateway.channels.asterisk.provision_error import ProvisionError
from gateway.channels.asterisk.provision_files import REPOSITORY, Layout

OLDEST_VERSION = 20
ROOT_VARIABLE = "TOCSIN_ASTERISK_ROOT"
_PID_FILE = "tocsin.pid"
_BOOTED = b"Event: FullyBooted"
_REFUSED = b"Response: Error"
_POLL = 0.02  # seconds between two looks
_CONSOLE_SECONDS = 20.0
_LOG_TAIL = 12  # lines of the console that an error repeats


@dataclass(frozen=True, slots=True)
class Installation:
    """An Asterisk that can run here: the beginning of its command line, and where its parts are.

    ``modules_dir`` and ``data_dir`` are ``None`` where they are where it was compiled to look.
    """

    command: tuple[str, ...]
    modules_dir: Path | None = None
    data_dir: Path | None = None


def find_installation() -> Installation:
    """Return the Asterisk to use on this machine.

    In this order: the root that the variable ``TOCSIN_ASTERISK_ROOT`` names, the installed one if it is new
    enough, the root that ``make asterisk`` sets up in the checkout. Raises ``ProvisionError`` where there is none.
    """
    if named := os.environ.get(ROOT_VARIABLE):
        return root_installation(Path(named))
    search_path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))
    installed = shutil.which("asterisk", path=search_path)
    if installed and _major_version(installed) >= OLDEST_VERSION:
        return Installation((installed,))
    return root_installation(REPOSITORY / ".asterisk")


def _major_version(program: str) -> int:
    """Return the 22 of ``Asterisk 22.10.1``; 0 where the program does not say."""
    try:
        said = subprocess.run([program, "-V"], capture_output=True, text=True, timeout=10, check=False).stdout  # noqa: S603 - the program that is about to be started
    except (OSError, subprocess.TimeoutExpired):
        return 0
    version = re.search(r"\b(\d+)\.", said)
    return int(version[1]) if version else 0


def root_installation(root: Path) -> Installation:
    """Return the Asterisk inside a Debian root, run through the root's own loader and libraries.

    No ``chroot`` is needed, so that every path is this machine's and no privilege is asked for.
    Raises ``ProvisionError`` where the root is missing or not complete.
    """
    program = root / "usr/sbin/asterisk"
    loaders = sorted(root.glob("lib64/ld-linux-*.so.*")) + sorted(root.glob("lib/ld-linux-*.so.*"))
    modules = sorted(root.glob("usr/lib/*/asterisk/modules")) + sorted(root.glob("usr/lib/asterisk/modules"))
    if not (program.exists() and loaders and modules):
        raise ProvisionError(
            f"there is no Asterisk on this machine, neither installed nor at {root}: "
            f"run `make asterisk`, or install Asterisk {OLDEST_VERSION} or later"
        )
    triplet = sysconfig.get_config_var("MULTIARCH") or modules[0].parents[1].name
    libraries = [root / "usr/lib" / triplet, modules[0].parent, root / "usr/lib", root / "lib" / triplet]
    search_path = ":".join(str(path) for path in libraries if path.is_dir())
    return Installation(
        (str(loaders[0]), "--library-path", search_path, str(program)), modules[0], root / "usr/share/asterisk"
    )


def running_pid(layout: Layout) -> int | None:
    """Return the id of the Asterisk that runs with this layout's configuration; ``None`` where none does."""
    try:
        pid = int((layout.run / _PID_FILE).read_text())
    except (OSError, ValueError):
        return None
    return pid if _runs(pid, layout) else None


def start(installation: Installation, layout: Layout, login: ManagerLogin, timeout: timedelta) -> int:
    """Start Asterisk and return its process id once its AMI says that it is fully booted.

    The AMI answers before the dialplan is loaded: a call placed then is refused. Raises ``ProvisionError``,
    with the end of what Asterisk said, where it ends early or does not answer in time; nothing is left running then.
    """
    console = layout.log / "console.log"
    command = [*installation.command, "-f", "-C", str(layout.config_file)]
    with console.open("wb") as output, Path(os.devnull).open("rb") as nothing:
        try:
            pid = os.posix_spawn(
                command[0],
                command,
                os.environ | {"HOME": str(layout.state)},
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, nothing.fileno(), 0),
                    (os.POSIX_SPAWN_DUP2, output.fileno(), 1),
                    (os.POSIX_SPAWN_DUP2, output.fileno(), 2),
                ],
                # A session of its own: Ctrl-C at the gateway's terminal is not meant for the phone system.
                setsid=True,
            )
        except OSError as error:
            raise ProvisionError(f"cannot run {command[0]}: {error.strerror}") from error
    (layout.run / _PID_FILE).write_text(f"{pid}\n")
    if not _wait(lambda: not _alive(pid) or _booted(login), timeout) or not _alive(pid):
        reason = "did not get ready, or refused its AMI login, in time" if _alive(pid) else "ended while it started"
        stop(layout, timedelta(seconds=2))
        raise ProvisionError(f"Asterisk {reason}. It said:\n{_tail(console)}")
    return pid


def stop(layout: Layout, timeout: timedelta) -> bool:
    """End the Asterisk of this layout and return whether one ran.

    It is asked first, which hangs up its calls and writes its database, and killed after ``timeout``.
    """
    pid = running_pid(layout)
    if pid is not None:
        for sign in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.kill(pid, sign)
            except ProcessLookupError:
                break
            except PermissionError as error:
                raise ProvisionError(
                    f"Asterisk, process {pid}, belongs to another user: stop it as that user"
                ) from error
            if _wait(lambda: not _alive(pid), timeout):
                break
    (layout.run / _PID_FILE).unlink(missing_ok=True)
    return pid is not None


def console(installation: Installation, layout: Layout, line: str) -> str:
    """Return what the running Asterisk says to a line typed on its console. Raises ``ProvisionError``."""
    command = [*installation.command, "-C", str(layout.config_file), "-rx", line]
    environ = os.environ | {"HOME": str(layout.state)}
    try:
        done = subprocess.run(  # noqa: S603 - no shell; the line is Asterisk's to read
            command, capture_output=True, text=True, timeout=_CONSOLE_SECONDS, check=False, env=environ
        )
    except subprocess.TimeoutExpired as error:
        raise ProvisionError(f"Asterisk said nothing within {_CONSOLE_SECONDS:g} s") from error
    if done.returncode:
        raise ProvisionError(f"Asterisk's console cannot be reached: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def require_free(address: tuple[str, int], kind: socket.SocketKind, purpose: str) -> None:
    """Raise ``ProvisionError`` where the port is taken, or the address is not this machine's."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind is socket.SOCK_STREAM:
            # Connections that ended a moment ago do not count, as they will not for Asterisk.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise ProvisionError(
                f"{purpose} cannot listen at {address[0]}:{address[1]}: {error.strerror}. Another program may have the "
                f"port, perhaps another Asterisk; choose another port or address, or stop that program."
            ) from error


def _runs(pid: int, layout: Layout) -> bool:
    _reap(pid)
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(layout.config_file) in arguments


def _alive(pid: int) -> bool:
    """Tell whether the process has not ended; one that has, and waits for its parent to take note, does not count."""
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1]
    except OSError:
        return False
    ended = _reap(pid)
    # The first thread of a process may have ended before the others: only its parent, if we are that, is certain.
    return state != b"Z" if ended is None else not ended


def _reap(pid: int) -> bool | None:
    """Take note of the end of a child, as until then its id stays taken; ``None`` where it is no child of ours."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return None


def _booted(login: ManagerLogin) -> bool:
    """Tell whether the AMI takes the login and says ``FullyBooted`` within a second."""
    action = f"Action: Login\r\nUsername: {login.username}\r\nSecret: {login.secret}\r\n\r\n"
    heard = b""
    try:
        with socket.create_connection(login.address, timeout=1) as plain, _secured(plain, login) as connection:
            connection.sendall(action.encode())
            while _BOOTED not in heard and _REFUSED not in heard and (more := connection.recv(4096)):
                heard += more
    except OSError:
        return False
    return _BOOTED in heard


def _secured(connection: socket.socket, login: ManagerLogin) -> socket.socket:
    return connection if login.tls is None else login.tls.wrap_socket(connection, server_hostname=login.tls_name)


def _wait(condition: Callable[[], bool], timeout: timedelta) -> bool:
    end = time.monotonic() + timeout.total_seconds()
    pause = threading.Event()
    while not (met := condition()) and time.monotonic() < end:
        pause.wait(_POLL)
    return met


def _tail(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-_LOG_TAIL:])
