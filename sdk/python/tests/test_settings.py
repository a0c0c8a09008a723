"""Whose settings a client has: the arguments', ours, a file's that was named; never those of the openai package."""

import asyncio

import pytest
from conftest import MESSAGES, Canned, complete

import holysheep
from holysheep.settings import connections_max, find_base_url

AMBIENT = {
    "OPENAI_API_KEY": "sk-ambient",
    "OPENAI_ADMIN_KEY": "sk-ambient-admin",
    "OPENAI_ORG_ID": "org-ambient",
    "OPENAI_PROJECT_ID": "proj-ambient",
    "OPENAI_BASE_URL": "http://127.0.0.1:1/ambient",
    "OPENAI_CUSTOM_HEADERS": "X-Corp-Secret: ambient\nAuthorization: Bearer ambient\nIdempotency-Key: ambient",
    "OPENAI_WEBHOOK_SECRET": "ambient-hook",
}


@pytest.fixture
def ambient(monkeypatch):
    for name, value in AMBIENT.items():
        monkeypatch.setenv(name, value)


def test_nothing_ambient_is_sent_by_either_client_or_its_copies(ambient, gateway):
    with Canned(complete) as server:
        made = {"api_key": gateway.key, "base_url": server.base_url}
        with holysheep.HolySheep(**made) as client:
            for each in (client, client.with_options(timeout=20), client.copy(default_headers={"x-mine": "1"}), client.with_options(max_retries=1)):
                each.chat.completions.create(model="m", messages=MESSAGES)
                each.models.list()

        async def main():
            async with holysheep.HolySheepClient(**made) as client:
                await client.chat.completions.create(model="m", messages=MESSAGES)
                await client.with_options(timeout=20).chat.completions.create(model="m", messages=MESSAGES)
                await client.batch.chat.completions.create([client.chat.completions.create(model="m", messages=MESSAGES)])

        asyncio.run(main())
        with holysheep.HybridClient(holysheep.Side.gateway(**made), holysheep.Side.server(server.base_url)) as hybrid:
            hybrid.chat.completions.create(model="m", messages=MESSAGES)
    assert len(server.asked) == 12
    for request in server.asked:
        assert "ambient" not in str(request), request
        assert request["headers"]["authorization"] == "Bearer " + gateway.key
        assert not {"openai-organization", "openai-project"} & set(request["headers"])
    assert sum(request["headers"].get("x-mine") == "1" for request in server.asked) == 2


def test_what_the_caller_says_is_sent(ambient, gateway):
    with Canned(complete) as server:
        with holysheep.HolySheep(api_key=gateway.key, base_url=server.base_url, organization="org-mine", default_headers={"x-team": "sheep"}) as client:
            client.with_options(timeout=20).chat.completions.create(model="m", messages=MESSAGES)
    (request,) = server.asked
    assert request["headers"]["openai-organization"] == "org-mine" and request["headers"]["x-team"] == "sheep"


def test_both_variables_are_read(monkeypatch, gateway):
    monkeypatch.setenv("HOLYSHEEP_API_KEY", gateway.key)
    monkeypatch.setenv("HOLYSHEEP_BASE_URL", gateway.url)
    with holysheep.HolySheep() as client:
        assert client.chat.completions.create(model="chat", messages=MESSAGES).x_source == "vllm"


def test_a_file_is_read_when_it_is_named_and_only_then(monkeypatch, tmp_path, gateway):
    file = tmp_path / ".env"
    file.write_text(f"HOLYSHEEP_API_KEY={gateway.key}\nHOLYSHEEP_BASE_URL={gateway.base_url}\nOPENAI_API_KEY=sk-ambient\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(holysheep.MissingKeyError):
        holysheep.HolySheep()
    with holysheep.HolySheep(env_file=".env") as client:
        assert client.models.list().data
    monkeypatch.setenv("HOLYSHEEP_BASE_URL", "http://127.0.0.1:9/v1")
    with holysheep.HolySheep(env_file=file) as client:
        assert client.base_url == "http://127.0.0.1:9/v1/", "the environment goes before the file"
    with pytest.raises(holysheep.SettingsError, match="not there"):
        holysheep.HolySheep(env_file=tmp_path / "missing")


def test_without_dotenv_it_is_said_what_to_install(monkeypatch, tmp_path):
    import builtins

    real = builtins.__import__

    def without(name, *more, **named):
        if name == "dotenv":
            raise ModuleNotFoundError("No module named 'dotenv'", name="dotenv")
        return real(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(holysheep.SettingsError, match=r"bellwether-holysheep\[dotenv\]"):
        holysheep.HolySheep(env_file=tmp_path / ".env")


@pytest.mark.parametrize(
    "given, found",
    [
        ("http://gw:8080", "http://gw:8080/v1"),
        ("http://gw:8080/", "http://gw:8080/v1"),
        ("https://gw/v1", "https://gw/v1"),
        ("https://gw/team/v1/", "https://gw/team/v1/"),
        (None, "http://127.0.0.1:8080/v1"),
    ],
)
def test_an_address_without_a_path_gets_v1(given, found):
    assert find_base_url(given, None) == found


@pytest.mark.parametrize("given", ["gw:8080", "ftp://gw/v1", "http:///v1"])
def test_what_is_no_address_is_refused(given):
    with pytest.raises(holysheep.SettingsError, match="is no address"):
        find_base_url(given, None)


@pytest.mark.parametrize("wrong", [{"key_check": "sometimes"}, {"connections": 0}, {"api_key": lambda: "hs_"}])
def test_settings_that_make_no_sense_are_refused(gateway, wrong):
    with pytest.raises(holysheep.SettingsError):
        holysheep.HolySheep(**{"api_key": gateway.key, **wrong})


def test_a_client_takes_half_of_the_file_descriptors_at_most(monkeypatch):
    import resource

    for soft, connections in [(1024, 512), (256, 128), (4, 8), (1_000_000, 1000), (resource.RLIM_INFINITY, 1000)]:
        monkeypatch.setattr(resource, "getrlimit", lambda _, soft=soft: (soft, soft))
        assert connections_max() == connections
