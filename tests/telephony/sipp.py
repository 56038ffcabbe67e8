"""SIPp as a stranger on the network: requests from another address, and what came back."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

_ACK = """
  <send><![CDATA[
    ACK sip:{to}@[remote_ip]:[remote_port] SIP/2.0
    [last_Via:]
    [last_From:]
    [last_To:]
    Call-ID: [call_id]
    CSeq: 1 ACK
    Max-Forwards: 70
    Content-Length: 0
  ]]></send>"""
_SDP = """
    Content-Type: application/sdp
    Content-Length: [len]

    v=0
    o=- 1 1 IN IP4 [local_ip]
    s=-
    c=IN IP4 [local_ip]
    t=0 0
    m=audio 40000 RTP/AVP 0 8"""
_NO_BODY = """
    Content-Length: 0"""
_SCENARIO = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="stranger">
  <send retrans="500"><![CDATA[
    {method} sip:{to}@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
    From: <sip:{claims}@[local_ip]:[local_port]>;tag=[call_number]
    To: <sip:{to}@[remote_ip]:[remote_port]>
    Call-ID: [call_id]
    CSeq: 1 {method}
    Contact: <sip:{claims}@[local_ip]:[local_port]>
    Max-Forwards: 70{body}
  ]]></send>
{answers}
</scenario>
"""


@dataclass(frozen=True, slots=True)
class Stranger:
    """Somebody at an address who sends requests to a SIP server at ``target`` (``HOST:PORT``)."""

    address: str
    target: str
    directory: Path

    def sends(self, method: str, *, to: str, claims: str, expecting: int, times: int = 10) -> None:
        """Send that many requests and expect the same final answer to each; ``AssertionError`` where it differs.

        ``claims`` is the user that From and Contact name.
        """
        answers = '  <recv response="100" optional="true"/>\n' if method == "INVITE" else ""
        answers += f'  <recv response="{expecting}"/>'
        file = self.directory / f"{method}-{claims}-{expecting}.xml"
        scenario = _SCENARIO.format(
            method=method,
            to=to,
            claims=claims,
            body=_SDP if method == "INVITE" else _NO_BODY,
            answers=answers + (_ACK.format(to=to) if method == "INVITE" else ""),
        )
        file.write_text(scenario, encoding="latin-1")
        command = ["sipp", "-sf", str(file), "-i", self.address, "-m", str(times), "-r", "50", "-nostdin"]
        done = subprocess.run(
            [*command, "-timeout", "20s", "-timeout_error", "-recv_timeout", "5000", self.target],
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=40,
            check=False,
        )
        assert done.returncode == 0, f"not every {method} was answered {expecting}\n{done.stdout[-2000:]}{done.stderr}"
