"""What a call says, on its way through a provider."""

from datetime import timedelta

import pytest

from gateway.model.call import MachinePolicy
from gateway.ports.phone import Prompt
from gateway.services.call_script import CallScript, ScriptSigner

KEY = b"k" * 32
SCRIPT = CallScript(
    call_id="0" * 32,
    language="pt-BR",
    announcement="ab/" + "ab" * 32 + ".wav",
    prompts={prompt: f"cd/{prompt.value}.wav" for prompt in Prompt},
    handoff_number="+15550999",
    whisper="ef/whisper.wav",
    pin_wanted=True,
    machine=MachinePolicy.LEAVE_MESSAGE,
)


def test_a_script_comes_back_as_it_went() -> None:
    signer = ScriptSigner(KEY)
    assert signer.read(signer.sign(SCRIPT)) == SCRIPT
    plain = CallScript(call_id="1" * 32, language="en", announcement="a.wav", prompts={})
    assert signer.read(signer.sign(plain)) == plain


def test_a_token_is_safe_in_an_address_and_not_too_long_for_twilio() -> None:
    names = {prompt: f"cd/{index:064x}.wav" for index, prompt in enumerate(Prompt, start=1 << 250)}
    token = ScriptSigner(KEY).sign(CallScript(call_id="0" * 32, language="en", announcement="a.wav", prompts=names))
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
    assert len(token) < 2000


@pytest.mark.parametrize("token", ["", "x", ".", "a.b.c", "é" * 40, "." * 300])
def test_what_is_no_token_is_refused(token: str) -> None:
    assert ScriptSigner(KEY).read(token) is None


def test_forged_and_expired_tokens_are_refused() -> None:
    token = ScriptSigner(KEY).sign(SCRIPT)
    assert ScriptSigner(b"o" * 32).read(token) is None
    assert ScriptSigner(KEY).read("A" + token) is None
    assert ScriptSigner(KEY, lifetime=timedelta(seconds=-1)).read(token) is None
