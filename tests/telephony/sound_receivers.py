"""The receiver of sounds as it runs on a node: the rendered program, in a process of its own."""

import subprocess
import sys
from pathlib import Path
from typing import Self

from gateway.channels.asterisk.sounds_http import SentSounds, SoundsRefusedError
from tests.telephony.asterisk import GatewayPbx
from tests.waiting import until


class ReceiverProcess:
    """The receiver of a node whose Asterisk is up, as a context manager."""

    def __init__(self, pbx: GatewayPbx) -> None:
        self._pbx = pbx
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        base = self._pbx.directory / self._pbx.node.name
        # -I: nothing of this checkout can be imported, as on the node.
        command = [sys.executable, "-I", "sounds_receiver.py", "etc/sounds.json"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=base, stdout=subprocess.DEVNULL, stderr=log)
        until(self.answers, 10, "the receiver answers")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    @property
    def log(self) -> Path:
        return self._pbx.directory / self._pbx.node.name / "receiver.log"

    def answers(self) -> bool:
        try:
            SentSounds(self._pbx.node, self._pbx.secret).look()
        except SoundsRefusedError:
            return False
        return True
