"""`make demo`: the main job with real parts, in front of the reader's eyes.

A gateway, its Asterisk, a simulated carrier (another Asterisk), and stand-ins for the Twilio and Telegram clouds,
all on loopback. An alert is posted over HTTP, nobody reacts to the WhatsApp text and to the voice note, the phone rings
over SIP, the callee presses 1 (RFC 4733), and the event is acknowledged. Exits 0 only if all of that was so.
"""

import logging
import signal
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import structlog
from rich.console import Console
from rich.markup import escape

from tests.site import OPERATOR, OWNER_CHAT, Site
from tests.telephony.carrier import CarrierCall, answers

_WAIT_SECONDS = 60.0
_POLICY: dict[str, object] = {"l1_wait": "3s", "l2_wait": "3s", "ring_timeout": "15s"}
_STYLES = {"acknowledged": "bold green", "attempt_skipped": "dim", "engine_fault": "bold red", "key_pressed": "bold"}

console = Console(highlight=False)


def main() -> int:
    """Run the demonstration and return the exit status."""
    signal.signal(signal.SIGTERM, _interrupted)
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory(prefix="tocsin-demo-", ignore_cleanup_errors=True) as directory:
        try:
            return _demonstrate(Path(directory))
        except KeyboardInterrupt:
            console.print("[red]interrupted; everything is stopped[/]")
            return 130
        except AssertionError as error:
            console.print(f"[bold red]The demonstration failed:[/] {escape(str(error))}")
            _show_log(Path(directory))
            return 1


def _demonstrate(directory: Path) -> int:
    began = time.monotonic()
    console.print("[bold]Tocsin: from an alert to a ringing phone, on real parts[/]\n")
    with console.status("Starting a carrier, the gateway's Asterisk, two clouds and the gateway…"):
        site = Site(directory, policy=_POLICY)
        site.__enter__()
    try:
        _step(f"everything runs (after {time.monotonic() - began:.0f} s): gateway {site.gateway.url}, all on loopback")
        return _escalate(site)
    finally:
        with console.status("Stopping everything…"):
            site.__exit__()
        _step("everything is stopped")


def _escalate(site: Site) -> int:
    phone = "+15550123"
    license_id = site.gateway.license(name="Demo Parking", owner_telegram=OWNER_CHAT, handoff_number=OPERATOR)
    contact = site.gateway.contact(license_id, phone, "Ana")
    token = site.gateway.source(license_id)
    site.carrier.behaviour(phone, answers(presses="1", after=4.0, ring=1.5))
    # Whoever wrote lately can be sent voice notes: WhatsApp's 24-hour window is open.
    assert site.twilio.inbound(phone, "Hello") == 200, "the inbound message is taken"
    _step(f"a license, a contact ({contact.name}, {phone}) and an alert source are made")
    console.print(
        f"\n[dim]$ curl -X POST {site.gateway.url}/license/v1/alert/in -H 'X-Alert-Token: tsn_…' "
        """-d '{"title": "Gate B forced", "severity": "critical"}'[/]"""
    )
    posted = time.time()
    event_id = site.gateway.post(token, title="Gate B forced", body="Contact open for 20 seconds.", severity="critical")
    console.print(f"[dim]200 event {event_id}[/]\n")
    event = _follow(site, event_id, {contact.id: contact.name})
    call = site.carrier.expect_call(phone, 1)
    call.wait_ended(20)
    _follow_to_the_end(site, event_id, len(event["timeline"]), {contact.id: contact.name})
    return _judge(site, event, call, posted)


def _follow(site: Site, event_id: int, names: dict[int, str]) -> dict[str, Any]:
    """Print the timeline as it grows, until the event is no longer open."""
    shown = 0
    pause = _Pauses(_WAIT_SECONDS)
    while pause.next():
        event = site.gateway.event(event_id)
        shown = _print_new(event, shown, names)
        if event["status"] != "open":
            return event
    raise AssertionError(f"the event is still open after {_WAIT_SECONDS:.0f} s")


def _follow_to_the_end(site: Site, event_id: int, shown: int, names: dict[int, str]) -> None:
    pause = _Pauses(10)
    while pause.next():
        event = site.gateway.event(event_id)
        shown = _print_new(event, shown, names)
        if all(call["ended_at"] for call in event["calls"]):
            return


def _judge(site: Site, event: dict[str, Any], call: CarrierCall, posted: float) -> int:
    assert event["status"] == "acknowledged", f"the event is {event['status']}"
    assert event["acknowledged_via"] == "dtmf", f"acknowledged via {event['acknowledged_via']}"
    assert [digits for _, digits in call.pressed] == ["1"], "the callee pressed 1"
    site.carrier.expect_nothing_more()
    _, note = site.twilio.expect_message(), site.twilio.expect_message()
    assert note.media is not None, f"the voice note was fetched: {note.media_problem}"
    site.twilio.expect_nothing_more()
    pressed_at = call.pressed[0][0]
    committed = datetime.fromisoformat(event["acknowledged_at"]).timestamp()
    heard = call.hears(site.gateway.spoken("en", "acknowledged"))
    console.print()
    _step(f"the phone rang {call.at - posted:.1f} s after the alert (two waits of 3 s lie between), over SIP and RTP")
    _step(
        f"{event['acknowledged_by']} pressed 1 (RFC 4733); acknowledged {(committed - pressed_at) * 1000:.0f} ms later"
    )
    if heard.likeness > 0.8:
        _step("the callee heard the confirmation: it is in the carrier's recording of the call")
    console.print("\n[bold green]The alert reached a person, and it is on record.[/]\n")
    return 0


def _print_new(event: dict[str, Any], shown: int, names: dict[int, str]) -> int:
    for entry in event["timeline"][shown:]:
        who = names.get(entry["contact_id"], "")
        detail = ", ".join(
            f"{key} {value}" for key, value in entry["detail"].items() if value is not None and not key.endswith("_id")
        )
        line = f"{entry['at'][11:23]}  {entry['type']:<16} {entry['channel'] or '':<15} {who:<4} {escape(detail)}"
        console.print(line, style=_STYLES.get(entry["type"], ""), soft_wrap=True)
    return len(event["timeline"])


class _Pauses:
    """Short pauses up to a limit."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def next(self) -> bool:
        """Pause a little; false when the time is over."""
        signal.sigtimedwait([], 0.1)
        return time.monotonic() < self._end


def _step(text: str) -> None:
    console.print(f"[green]✓[/] {text}")


def _show_log(directory: Path) -> None:
    for log in directory.glob("gateway/gateway.log"):
        console.print(f"[dim]{escape(log.read_text(errors='replace')[-4000:])}[/]")


def _interrupted(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
