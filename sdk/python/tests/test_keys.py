"""The form of a key is judged here as the gateway judges it, and a wrong one never leaves the machine."""

import pytest

import holysheep
from holysheep.keys import problem_with


def test_the_gateways_own_keys_pass(gateway):
    for number in range(20):
        key = gateway.make_key(f"k{number}")
        assert problem_with(key) is None and holysheep.check_key(key) == key


@pytest.mark.parametrize(
    "spoil, says",
    [
        (lambda key: "sk-" + key[3:], "'sk-'"),
        (lambda key: "hx_" + key[3:], "begins with 'hx_'"),
        (lambda key: key[:-5], "5 missing"),
        (lambda key: key + "ab", "2 too many"),
        (lambda key: key[:10] + "-" + key[11:], "character 11 is '-'"),
        (lambda key: key[:10] + "é" + key[11:], "character 11"),
        (lambda key: key + "\n", "white space"),
        (lambda key: key[:20] + ("a" if key[20] != "a" else "b") + key[21:], "checksum"),
        (lambda key: key[:-1] + ("a" if key[-1] != "a" else "b"), "checksum"),
    ],
)
def test_what_is_wrong_is_said(gateway, spoil, says):
    with pytest.raises(holysheep.InvalidKeyError) as caught:
        holysheep.HolySheep(api_key=spoil(gateway.key), base_url=gateway.base_url)
    assert says in str(caught.value)
    assert gateway.key[8:-5] not in str(caught.value), "a key must not be printed"


def test_each_mistyped_character_is_noticed(gateway):
    """CRC-32 finds every change of a single character, in the random part and in the checksum."""
    key = gateway.key
    for place in range(3, len(key)):
        assert problem_with(key[:place] + ("0" if key[place] != "0" else "1") + key[place + 1 :])


@pytest.mark.parametrize("key", [None, ""])
def test_no_key_says_where_it_could_have_stood(monkeypatch, key):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-somebody-elses")
    with pytest.raises(holysheep.MissingKeyError, match="HOLYSHEEP_API_KEY") as caught:
        holysheep.HolySheepClient(api_key=key)
    assert "OPENAI_API_KEY is set" in str(caught.value) and "somebody" not in str(caught.value)


def test_an_unknown_key_is_the_gateways_to_refuse(gateway):
    import openai

    with holysheep.HolySheep(api_key=_made(), base_url=gateway.base_url) as client, pytest.raises(openai.AuthenticationError):
        client.models.list()


def _made():
    from holysheep.keys import _checksum

    return "hs_" + "A" * 34 + _checksum("A" * 34)
