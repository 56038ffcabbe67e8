import re

import pytest
from cryptography.fernet import Fernet

from gateway.services.tokens import LinkSigner, SourceTokens, hash_token, make_token

KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))


def test_a_source_token_is_recognisable_url_safe_and_new_each_time() -> None:
    tokens = {make_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(re.fullmatch(r"tsn_[A-Za-z0-9_-]{43}", token) for token in tokens)


def test_a_hash_depends_on_token_and_key() -> None:
    assert hash_token("a", KEY) == SourceTokens(hash_key=KEY).hash("a")
    assert len({hash_token("a", KEY), hash_token("b", KEY), hash_token("a", OTHER_KEY)}) == 3


@pytest.mark.parametrize("token", ["", "ü", "\udcff", "x" * 100_000, "\0"])
def test_whatever_stands_in_the_header_has_a_hash(token: str) -> None:
    assert len(hash_token(token, KEY)) == 32


def test_the_encrypted_copy_gives_the_token_back_to_its_key_alone() -> None:
    tokens = SourceTokens(hash_key=KEY, encryption_key=Fernet.generate_key())
    copy = tokens.encrypt("tsn_secret")
    assert copy is not None
    assert b"tsn_secret" not in copy
    assert tokens.decrypt(copy) == "tsn_secret"
    assert SourceTokens(hash_key=KEY, encryption_key=Fernet.generate_key()).decrypt(copy) is None
    assert tokens.decrypt(b"nonsense") is None


def test_without_an_encryption_key_no_copy_is_kept() -> None:
    tokens = SourceTokens(hash_key=KEY)
    assert tokens.encrypt("tsn_secret") is None
    assert tokens.decrypt(b"x") is None


@pytest.mark.parametrize("link_id", [1, 42, 2**63 - 1])
def test_a_link_s_token_is_short_url_safe_and_read_back(link_id: int) -> None:
    token = LinkSigner(KEY).sign(link_id)
    assert re.fullmatch(r"[0-9]{1,19}\.[A-Za-z0-9_-]{22}", token)
    assert LinkSigner(KEY).read(token) == link_id


def test_a_token_that_we_did_not_sign_is_not_read() -> None:
    signer = LinkSigner(KEY)
    token = signer.sign(7)
    signature = token.partition(".")[2]
    changed = "A" if signature[0] != "A" else "B"
    for forged in (
        *(
            "",
            ".",
            "7",
            "7.",
            f"8.{signature}",
            f"7.{changed}{signature[1:]}",
            f"{token}x",
            f" {token}",
            f"07.{signature}",
        ),
        *("7.\udcff", "\u0667." + signature, "-1." + signature, LinkSigner(OTHER_KEY).sign(7), "9" * 10_000),
    ):
        assert signer.read(forged) is None


def test_keys_are_not_shown_where_they_are_printed() -> None:
    assert "\\x00" not in repr(LinkSigner(KEY)) + repr(SourceTokens(hash_key=KEY))
