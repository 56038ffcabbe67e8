"""The SIP torture messages of RFC 4475, section 3: each by the short name that the RFC gives it.

They are written anew from what the RFC says is special about each, for the user and the addresses of this test. The
``valid`` ones are well-formed, however odd; of the others no server may accept more than the RFC allows, and none may
fall over any.
"""

from collections.abc import Callable, Mapping

_CRLF = "\r\n"
_SDP = _CRLF.join(
    (
        "v=0",
        "o=mhandley 29739 7272939 IN IP4 127.0.0.2",
        "s=-",
        "c=IN IP4 127.0.0.2",
        "t=0 0",
        "m=audio 49217 RTP/AVP 0 12",
        "a=rtpmap:31 LPC",
        "",
    )
)


def _message(name: str, **changes: str | None) -> bytes:
    """Return an INVITE with some of its parts replaced; ``None`` leaves a header out, ``_`` in a name is a hyphen."""
    method = changes.pop("method", None) or "INVITE"
    first = changes.pop("first", None) or f"{method} sip:vivekg@127.0.0.1 SIP/2.0"
    body = changes.pop("body", "") or ""
    headers: dict[str, str | None] = {
        "Via": f"SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK{name}",
        "Max-Forwards": "70",
        "From": f"<sip:caller@127.0.0.2>;tag={name}",
        "To": "<sip:vivekg@127.0.0.1>",
        "Call-ID": f"{name}@127.0.0.2",
        "CSeq": f"8 {method}",
        "Contact": "<sip:caller@127.0.0.2>",
        "Content-Type": "application/sdp" if body else None,
        "Content-Length": str(len(body.encode("utf-8", "surrogateescape"))),
    }
    headers |= {key.replace("_", "-"): value for key, value in changes.items()}
    lines = [first, *(f"{key}: {value}" for key, value in headers.items() if value is not None), "", body]
    return _CRLF.join(lines).encode("utf-8", "surrogateescape")


def _tortuous_invite() -> bytes:
    # 3.1.1.1: short forms, folded lines, odd cases and white space, unknown headers, escapes within quotes.
    return _CRLF.join(
        (
            "INVITE sip:vivekg@127.0.0.1;unknownparam SIP/2.0",
            "TO :",
            " sip:vivekg@127.0.0.1 ;   tag    = 1918181833n",
            'from   : "J Rosenberg \\\\\\""       <sip:jdrosen@127.0.0.2>',
            "  ;",
            "  tag = 98asjd8",
            "MaX-fOrWaRdS: 0068",
            "Call-ID: wsinv.ndaksdj@127.0.0.2",
            "Content-Length   : 150",
            "cseq: 0009",
            "  INVITE",
            "Via  : SIP  /   2.0",
            " /UDP",
            "    127.0.0.2;branch=390skdjuw",
            "s :",
            "NewFangledHeader:   newfangled value",
            " continued newfangled value",
            "UnknownHeaderWithUnusualValue: ;;,,;;,;",
            "Content-Type: application/sdp",
            "Route:",
            " <sip:127.0.0.9;unknownwith=value;unknown-no-value>",
            "v:  SIP  / 2.0  / TCP     127.0.0.3   ;",
            "  branch  =   z9hG4bK9ikj8  ,",
            " SIP  /    2.0   / UDP  127.0.0.4   ; branch=",
            " z9hG4bK30239",
            'm:"Quoted string \\"\\"" <sip:jdrosen@127.0.0.2> ; newparam =',
            "      newvalue ;",
            "  secondparam ; q = 0.33",
            "",
            _SDP,
        )
    ).encode()


def _unusual_method() -> bytes:
    # 3.1.1.2: every character that a method, a user part, a display name and a parameter may have.
    method = "!interesting-Method0123456789_*+`.%indeed'~"
    odd = "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    return _message(
        "intmeth",
        first=f"{method} sip:{odd}@127.0.0.1 SIP/2.0",
        CSeq=f"139122385 {method}",
        To='"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" <sip:1_unusual.URI~(to-be!sure)@127.0.0.1>',
        extensionHeader_=".!%*_+`'~",
        Contact=None,
    )


MESSAGES: Mapping[str, Callable[[], bytes]] = {
    # Valid ones: 3.1.1
    "wsinv": _tortuous_invite,
    "intmeth": _unusual_method,
    "esc01": lambda: _message(
        "esc01", first="INVITE sip:sips%3Auser%40example.com@127.0.0.1 SIP/2.0", To="sip:%75se%72@127.0.0.1"
    ),
    "escnull": lambda: _message(
        "escnull", method="REGISTER", To="sip:null-%00-null@127.0.0.1", Contact="<sip:%00%00@127.0.0.2>"
    ),
    "esc02": lambda: _message("esc02", first="RE%47IST%45R sip:127.0.0.1 SIP/2.0", CSeq="29344 RE%47IST%45R"),
    "lwsdisp": lambda: _message("lwsdisp", method="OPTIONS", From="caller<sip:caller@127.0.0.2>;tag=323"),
    "longreq": lambda: _message(
        "longreq",
        To=f'"I have a user name of {"extremely " * 10}proportion"<sip:{"amazinglylongcallid" * 8}@127.0.0.1>',
        From=f"<sip:{'very' * 30}longfromuser@127.0.0.2>;tag={'superlong' * 20};{'param' * 20}={'value' * 20}",
        Unknown_=f"{'unknownvalue' * 40}",
        Call_ID=f"{'reallylong' * 12}callid",
    ),
    "dblreq": lambda: _message("dblreq", method="REGISTER") + _message("dblreq2", body=_SDP),
    "semiuri": lambda: _message(
        "semiuri", method="OPTIONS", first="OPTIONS sip:user;par=u%40example.net@127.0.0.1 SIP/2.0"
    ),
    "transports": lambda: _message(
        "transports",
        method="OPTIONS",
        Via="SIP/2.0/UDP 127.0.0.2;branch=z9hG4bKkdjuw, SIP/2.0/SCTP 127.0.0.3;branch=z9hG4bKklasjdhf, "
        "SIP/2.0/TLS 127.0.0.4;branch=z9hG4bK2980unddj, SIP/2.0/UNKNOWN 127.0.0.5;branch=z9hG4bKasd0f3en",
    ),
    "mpart01": lambda: _message(
        "mpart01",
        method="MESSAGE",
        Content_Type="multipart/mixed;boundary=7a9cbec02ceef655",
        body="--7a9cbec02ceef655\r\nContent-Type: text/plain\r\n\r\nHello\r\n--7a9cbec02ceef655\r\n"
        "Content-Type: application/octet-stream\r\n\r\n\x00\x01\udcff\r\n--7a9cbec02ceef655--\r\n",
    ),
    "unreason": lambda: _message("unreason", first="SIP/2.0 200 = 2**3 * 5**2 \u043d\u043e \u0441\u0442\u043e"),
    "noreason": lambda: _message("noreason", first="SIP/2.0 100 "),
    # Invalid ones: 3.1.2
    "badinv01": lambda: _message(
        "badinv01", Via="SIP/2.0/UDP 127.0.0.2;;,;,,", Contact='"Joe" <sip:joe@127.0.0.2>;;;;'
    ),
    "clerr": lambda: _message("clerr", body=_SDP, Content_Length="9999"),
    "ncl": lambda: _message("ncl", body=_SDP, Content_Length="-999"),
    "scalar02": lambda: _message(
        "scalar02",
        method="REGISTER",
        CSeq="36893488147419103232 REGISTER",
        Max_Forwards="300",
        Expires="1000000000000000000000000000000000000",
        Contact="<sip:user@127.0.0.2>;expires=280297596632815",
    ),
    "scalarlg": lambda: _message(
        "scalarlg",
        first="SIP/2.0 503 Service Unavailable",
        CSeq="9292394834772304023312 OPTIONS",
        Retry_After="949302838503028349304023988",
        Warning='1812 overture "In Progress"',
    ),
    "quotbal": lambda: _message("quotbal", To='"Mr. J. User <sip:j.user@127.0.0.1>'),
    "ltgtruri": lambda: _message("ltgtruri", first="INVITE <sip:user@127.0.0.1> SIP/2.0"),
    "lwsruri": lambda: _message("lwsruri", first="INVITE sip:user@127.0.0.1; lr SIP/2.0"),
    "lwsstart": lambda: _message("lwsstart", first="INVITE  sip:user@127.0.0.1  SIP/2.0"),
    "trws": lambda: _message("trws", method="OPTIONS", first="OPTIONS sip:remote-target@127.0.0.1 SIP/2.0  "),
    "escruri": lambda: _message("escruri", first="INVITE sip:user@127.0.0.1?Route=%3Csip:127.0.0.9%3E SIP/2.0"),
    "baddate": lambda: _message("baddate", Date="Fri, 01 Jan 2010 16:00:00 EST"),
    "regbadct": lambda: _message("regbadct", method="REGISTER", Contact="sip:user@127.0.0.2?Route=%3Csip:127.0.0.9%3E"),
    "badaspec": lambda: _message("badaspec", method="OPTIONS", To='"Watson, Thomas" < sip:t.watson@127.0.0.1 >'),
    "baddn": lambda: _message("baddn", method="OPTIONS", From="Bell, Alexander <sip:a.g.bell@127.0.0.2>;tag=43"),
    "badvers": lambda: _message(
        "badvers", first="OPTIONS sip:t.watson@127.0.0.1 SIP/7.0", Via="SIP/7.0/UDP 127.0.0.2;branch=z9hG4bKkdjuw"
    ),
    "mismatch01": lambda: _message("mismatch01", first="OPTIONS sip:user@127.0.0.1 SIP/2.0", CSeq="8 INVITE"),
    "mismatch02": lambda: _message("mismatch02", first="NEWMETHOD sip:user@127.0.0.1 SIP/2.0", CSeq="8 INVITE"),
    "bigcode": lambda: _message(
        "bigcode", first="SIP/2.0 4294967301 better not break the receiver", CSeq="8353494 INVITE"
    ),
    # Transactions and applications: 3.2, 3.3, 3.4
    "badbranch": lambda: _message("badbranch", method="OPTIONS", Via="SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK"),
    "insuf": lambda: _message("insuf", Call_ID=None, From=None, To=None),
    "unkscm": lambda: _message(
        "unkscm", method="OPTIONS", first="OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0"
    ),
    "novelsc": lambda: _message("novelsc", method="OPTIONS", first="OPTIONS soap.beep://127.0.0.1:3002 SIP/2.0"),
    "unksm2": lambda: _message("unksm2", method="REGISTER", To="isbn:2983792873", Contact="<name:John_Smith>"),
    "bext01": lambda: _message(
        "bext01", method="OPTIONS", Require="nothingSupportsThis", Proxy_Require="noProxiesSupportThis"
    ),
    "invut": lambda: _message(
        "invut", Content_Type="application/unknownformat", body='<audio><pcmu port="443"/></audio>'
    ),
    "regaut01": lambda: _message("regaut01", method="REGISTER", Authorization="NoOneKnowsThisScheme opaque-data=here"),
    "multi01": lambda: _message("multi01").replace(
        b"CSeq: 8 INVITE\r\n", b"CSeq: 5 INVITE\r\nCall-ID: another\r\nCSeq: 59 INVITE\r\nTo: <sip:other@127.0.0.1>\r\n"
    ),
    "mcl01": lambda: _message("mcl01", method="OPTIONS").replace(
        b"Content-Length: 0", b"Content-Length: 13\r\nContent-Length: 5"
    ),
    "bcast": lambda: _message(
        "bcast",
        first="SIP/2.0 200 OK",
        Via="SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK1,SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK2",
    ),
    "zeromf": lambda: _message("zeromf", method="OPTIONS", Max_Forwards="0"),
    "cparam01": lambda: _message("cparam01", method="REGISTER", Contact="sip:+19725552222@127.0.0.2;unknownparam"),
    "cparam02": lambda: _message("cparam02", method="REGISTER", Contact="<sip:+19725552222@127.0.0.2;unknownparam>"),
    "regescrt": lambda: _message(
        "regescrt", method="REGISTER", Contact="<sip:user@127.0.0.2?Route=%3Csip:127.0.0.9%3E>"
    ),
    "sdp01": lambda: _message("sdp01", Accept="text/nobodyKnowsThis", body=_SDP),
    # A request of RFC 2543, without what RFC 3261 added: 3.4.1
    "inv2543": lambda: _message(
        "inv2543",
        Via="SIP/2.0/UDP 127.0.0.2",
        Max_Forwards=None,
        Contact=None,
        From="<sip:caller@127.0.0.2>",
        body=_SDP,
    ),
}
