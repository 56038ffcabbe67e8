"""One connection to the AMI server that misbehaves."""

import asyncio


class Session:
    """One connection to the server."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.logged_in = False
        self.challenge = "1234567"

    def send(self, *headers: tuple[str, str]) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        if not self.writer.is_closing():
            self.writer.write(f"{lines}\r\n".encode())
