"""The command line: keys from elsewhere, exit codes, environment, completion, and that no secret is ever said."""
import json
import os
import re
import signal
import subprocess

import openai
import pytest

from conftest import BINARY, Gateway, Process, Simulator, base, get, make_authority, run

MESSAGES = [{"role": "user", "content": "hello"}]


@pytest.fixture
def sim(tmp_path):
    sim = Simulator(tmp_path, "--model", "m")
    yield sim
    sim.stop()


def simple(folder, sim, more=""):
    return base(folder) + f'[upstream.sim]\nbase_url = "{sim.url}/v1"\n[model.m]\nroute = ["sim"]\n' + more


# ---- Keys from another machine ----

def test_keys_through_the_admin_port(tmp_path, sim):
    gateway = Gateway(tmp_path, simple(tmp_path, sim))
    token = tmp_path / "data/admin.token"
    assert token.stat().st_mode & 0o777 == 0o600 and token.read_text().startswith("hsadmin_")
    elsewhere = tmp_path / "elsewhere"  # where there is neither config nor data folder
    elsewhere.mkdir()
    (elsewhere / "token").write_text(token.read_text())

    def key(*arguments, url=gateway.admin, file="token"):
        return run("key", *arguments, "--admin-url", url, "--admin-token-file", file, cwd=elsewhere)

    made = key("create", "--name", "far", "--json")
    assert made.returncode == 0, made.stderr
    with gateway.client(api_key=json.loads(made.stdout)["key"]) as client:
        assert client.chat.completions.create(model="m", messages=MESSAGES).choices
        assert [one["name"] for one in json.loads(key("list", "--json").stdout)["keys"]] == ["test", "far"]
        assert key("revoke", "far").returncode == 0
        with pytest.raises(openai.AuthenticationError):
            client.models.list()
    assert key("revoke", "nobody").returncode == 3
    (elsewhere / "wrong").write_text("hsadmin_" + "0" * 40)
    (elsewhere / "empty").write_text("\n")
    refused = key("create", "--name", "x", file="wrong")
    assert refused.returncode == 4 and "admin token" in refused.stderr and refused.stdout == ""
    assert key("list", file="empty").returncode == 3 and key("list", file="none").returncode == 3
    assert key("list", url="nonsense").returncode == 3 and key("list", url="https://127.0.0.1:1").returncode == 3
    assert key("list", url="http://127.0.0.1:1").returncode == 1
    assert run("key", "list", "--admin-url", gateway.admin).returncode == 2  # a token belongs to it
    # A key of a caller is no admin token, and the callers' port has no admin surface for either.
    for secret in (gateway.key, token.read_text().strip()):
        assert get(gateway.url + "/admin/keys", headers={"authorization": "Bearer " + secret})[0] == 404
    assert get(gateway.admin + "/admin/keys", headers={"authorization": "Bearer " + gateway.key})[0] == 403
    assert get(gateway.admin + "/admin/keys", headers={"authorization": "Bearer "})[0] == 403
    before = token.read_text()
    gateway.stop()
    again = Gateway(tmp_path, simple(tmp_path, sim))
    assert token.read_text() == before
    again.stop()


def test_who_may_not_open_the_data_folder_is_not_authorised(tmp_path, sim):
    if os.geteuid() != 0:
        pytest.skip("needs root, to become somebody else")
    (tmp_path / "data").mkdir(mode=0o700)
    try:  # the way there is open, the folder is not
        reachable = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", "stat", tmp_path / "data"], capture_output=True).returncode == 0
    except FileNotFoundError:
        reachable = False
    if not reachable:
        for folder in [tmp_path, *tmp_path.parents][:3]:
            folder.chmod(0o755)
    done = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", BINARY, "key", "list", "--data", tmp_path / "data"], capture_output=True, text=True, cwd="/")
    if "Permission denied" in done.stderr and "admin.sock" not in done.stderr:
        pytest.skip("the program itself cannot be reached by another user here")
    assert (done.returncode, done.stdout) == (4, ""), done.stderr


def test_many_at_once_without_a_server(tmp_path):
    started = [subprocess.Popen([BINARY, "key", "create", "--name", f"k{i}", "--data", "data", "--json"], cwd=tmp_path, stdout=subprocess.PIPE) for i in range(12)]
    made = {json.loads(one.communicate()[0])["key"] for one in started}
    assert len(made) == 12 and all(one.returncode == 0 for one in started)
    assert len(json.loads(run("key", "list", "--data", "data", "--json", cwd=tmp_path).stdout)["keys"]) == 12


# ---- What is said ----

@pytest.mark.parametrize("text, place, words", [
    ('listen = "127.0.0.1:1"\nlisten = "127.0.0.1:2"', "2:10", "redefine"),
    ('drain_timeout = "30"', "1:17", '"10s"'),
    ('[upstream.a]\nbase_url = "http://a"\n[model.m]\nroute = ["b"]', "4:10", 'did you mean "a"?'),
    ('[upstream.a]\nbase_url = "http://a"\ndialect = "vlm"', "3:11", 'did you mean "vllm"?'),
    ('[upstream.a]\nbase_url = "http://a"\ntimeout = { frst_token = "1s" }', "3:13", "did you mean first_token?"),
    ('[upstream.a]\nbase_url = "http://a"\napi_key = { env = "NOT_SET_ANYWHERE" }', "3:11", "NOT_SET_ANYWHERE"),
    ('[upstream.a]\nbase_url = "http://a"\n[model.m]\nroute = ["a"]\nprice = { input = 0.42, output = "1" }', "5:19", "decimal string"),
    ('x = [[[[', "1:9", "end-of-file"),
])
def test_a_problem_has_its_place(tmp_path, text, place, words):
    (tmp_path / "b.toml").write_text(text)
    told = run("check", "--config", "b.toml", cwd=tmp_path)
    assert told.returncode == 3 and told.stdout == ""
    assert any(line.startswith(f"b.toml:{place}: ") and words in line for line in told.stderr.splitlines()), told.stderr


def test_all_problems_at_once_and_as_json(tmp_path):
    (tmp_path / "b.toml").write_text('lsten = 1\ndrain_timeout = 5\n[upstream.a]\nbase_url = "nowhere"\n')
    told = json.loads(run("check", "--config", "b.toml", "--json", cwd=tmp_path).stdout)
    assert [(problem["line"], problem["column"]) for problem in told["problems"]] == [(1, 1), (2, 17), (4, 12)]
    (tmp_path / "b.toml").write_text('[upstream.a]\nbase_url = "http://a"\n')
    assert json.loads(run("check", "--config", "b.toml", "--json", cwd=tmp_path).stdout) == {"schema": "bellwether.check/1", "ok": True, "problems": []}


def test_check_reads_the_certificate(tmp_path):
    make_authority(tmp_path)
    config = '[upstream.a]\nbase_url = "http://a"\n[tls]\ncertificate = "{}.pem"\nprivate_key = {{ file = "{}.key" }}\n'
    for certificate, key, code in [("good", "good", 0), ("none", "good", 3), ("good", "none", 3), ("good", "other", 3)]:
        (tmp_path / "b.toml").write_text(config.format(certificate, key))
        told = run("check", "--config", "b.toml", cwd=tmp_path)
        assert told.returncode == code, told.stderr
        assert code == 0 or "b.toml" in told.stderr


def test_an_address_is_listened_on_once(tmp_path, sim):
    for top, admin in (('listen = ["127.0.0.1:18080", "127.0.0.1:18080"]', "127.0.0.1:0"), ('listen = "127.0.0.1:18080"', "127.0.0.1:18080")):
        (tmp_path / "b.toml").write_text(f'{top}\n[admin]\nlisten = "{admin}"\n[upstream.sim]\nbase_url = "{sim.url}/v1"\n')
        done = run("check", "--config", tmp_path / "b.toml")
        assert done.returncode == 3 and "127.0.0.1:18080 is listened on twice" in done.stderr


@pytest.mark.parametrize("value", ["\ufeffsk-1", "sk 1", "열쇠"])
def test_a_secret_that_no_head_can_carry(tmp_path, sim, value):
    (tmp_path / "key").write_text(value)
    (tmp_path / "b.toml").write_text(f'[upstream.sim]\nbase_url = "{sim.url}/v1"\napi_key = {{ file = "key" }}\n')
    done = run("check", "--config", tmp_path / "b.toml")
    assert done.returncode == 3 and "printable ASCII" in done.stderr and value not in done.stderr


# ---- Output that is lost ----

@pytest.mark.parametrize("arguments", [("version",), ("key", "create", "--name", "lost", "--data", "data"), ("key", "list", "--data", ".", "--json")])
def test_output_that_is_lost_is_no_success(tmp_path, arguments):
    with open("/dev/full", "w") as full:
        done = subprocess.run([BINARY, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    assert done.returncode == 1 and "cannot write to standard output: No space left on device" in done.stderr


def test_a_pipe_that_is_closed_wanted_no_more(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([BINARY, "completion", "bash"], stdout=writer, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_key_whose_name_was_lost_is_not_revoked_in_silence(tmp_path, sim):
    gateway = Gateway(tmp_path, simple(tmp_path, sim))
    for verb in ("revoke", "rotate"):
        done = run("key", verb, "", "--config", gateway.config)
        assert done.returncode == 2 and "no key is named" in done.stderr and done.stdout == ""
    token = (tmp_path / "data/admin.token").read_text().strip()
    assert get(gateway.admin + "/admin/keys/", "DELETE", headers={"authorization": "Bearer " + token})[0] == 404
    gateway.stop()


def test_a_ready_file_that_cannot_be_written_ends_the_start(tmp_path, sim):
    """Where models are named and where they are discovered."""
    (tmp_path / "b.toml").write_text(simple(tmp_path, sim))
    for source in (("--config", tmp_path / "b.toml"), ("--upstream", sim.url + "/v1", "--data", tmp_path / "other", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")):
        done = run("serve", *source, "--ready-file", tmp_path / "no" / "such")
        assert done.returncode == 1 and "cannot write" in done.stderr and "bug" not in done.stderr


def test_an_audit_of_the_wrong_time_or_model_says_so(tmp_path):
    made = run("sim", "--history", "logs", "--days", "2", "--until", "2026-11-10", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    late = run("audit", "logs", "--tz", "UTC", "--since", "2027-01-01", cwd=tmp_path)
    assert late.returncode == 3 and "lies outside of --since and --until: it reaches from 2026-11-0" in late.stderr and late.stdout == ""
    backwards = run("audit", "logs", "--tz", "UTC", "--since", "2026-12-01", "--until", "2026-11-01", cwd=tmp_path)
    assert backwards.returncode == 2 and "must be later than --since" in backwards.stderr
    other = run("audit", "logs", "--tz", "UTC", "--model", "typo", cwd=tmp_path)
    assert other.returncode == 3 and "no source tells of the model typo" in other.stderr and "deepseek-ai/DeepSeek-V3" in other.stderr


def test_doctor_knows_a_gateway_by_the_folder_that_it_was_given(tmp_path, sim):
    gateway = Gateway(tmp_path, simple(tmp_path, sim), "--data", tmp_path / "elsewhere")
    where = ("--listen", gateway.url.partition("://")[2], "--admin-listen", gateway.admin.partition("://")[2])
    assert "another process" in run("doctor", "--config", gateway.config, *where).stdout
    told = run("doctor", "--config", gateway.config, "--data", tmp_path / "elsewhere", *where)
    assert told.stdout.count("a Bellwether answers there") == 2, told.stdout
    gateway.stop()


def test_a_folder_that_is_not_there_has_no_keys(tmp_path):
    for words in (("list",), ("revoke", "a"), ("rotate", "a")):
        done = run("key", *words, "--data", tmp_path / "typo")
        assert done.returncode == 3 and "there is no data folder" in done.stderr and done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_version_and_help_in_every_spelling():
    versions = {run(spelling).stdout.split()[1] for spelling in ("--version", "-V", "version")}
    assert len(versions) == 1 and run("help").stdout == run("--help").stdout


def test_a_simulator_takes_its_socket_file_with_it(tmp_path):
    sim = Process(tmp_path, "sim", "--listen", f"unix:{tmp_path}/sim.sock", name="sim")
    assert (tmp_path / "sim.sock").exists()
    sim.signal(signal.SIGTERM)
    assert sim.wait() == 0 and not (tmp_path / "sim.sock").exists()


def test_secrets_are_never_said(tmp_path, sim):
    (tmp_path / "b.toml").write_text('[upstream.a]\nbase_url = "http://user:pass-secret@a/v1"\napi_key = "sk-literal-secret"\n[upstream.b]\nbase_url = "http://b"\napi_key = { env = "UPKEY" }\nx = 1\n')
    for arguments in (["check"], ["check", "--json"], ["serve"]):
        told = run(*arguments, "--config", "b.toml", cwd=tmp_path, env={"UPKEY": "env-secret"})
        assert told.returncode == 3 and "secret" not in (told.stdout + told.stderr).replace("a secret does not belong into this file", ""), told.stderr
    gateway = Gateway(tmp_path, simple(tmp_path, sim).replace('[model', 'api_key = { env = "UPKEY" }\n[model', 1), env={"UPKEY": "env-secret-value"})
    gateway.post("/v1/chat/completions", {"model": "m", "messages": MESSAGES}, {"authorization": "Bearer " + gateway.key})
    gateway.post("/v1/chat/completions", {"model": "m", "messages": "wrong-prompt-text"})
    page = gateway.metrics()
    gateway.signal(signal.SIGHUP)
    gateway.stop()
    told = page + gateway.said() + (tmp_path / "gateway.out").read_text()
    kept = "".join(path.read_text() for path in (tmp_path / "data").iterdir() if path.is_file() and path.name != "admin.token")
    for secret in ("env-secret-value", gateway.key, (tmp_path / "data/admin.token").read_text().strip()):
        assert secret not in told and secret not in kept
    assert "wrong-prompt-text" not in told and "hello" not in told


@pytest.mark.parametrize("arguments, meant", [(["srve"], "serve"), (["key", "creat", "--name", "x"], "create"), (["key", "rovoke", "x"], "revoke")])
def test_a_mistyped_command_gets_the_one_that_was_meant(tmp_path, arguments, meant):
    told = run(*arguments, cwd=tmp_path)
    assert (told.returncode, told.stdout) == (2, "") and f"did you mean '{meant}'?" in told.stderr


def test_json_has_a_schema(tmp_path):
    for arguments, schema in [(["version"], "version"), (["key", "create", "--name", "a"], "key"), (["key", "list"], "keys"), (["key", "rotate", "a"], "key"), (["key", "revoke", "a"], "key")]:
        told = json.loads(run(*arguments, "--json", cwd=tmp_path).stdout)
        assert told["schema"] == f"bellwether.{schema}/1"


def test_no_colour_where_there_is_no_terminal(tmp_path):
    for arguments in (["--help"], ["key", "create", "--help"], ["key", "list"], ["check"], ["nonsense"]):
        told = run(*arguments, cwd=tmp_path)
        assert "\x1b" not in told.stdout + told.stderr


@pytest.mark.parametrize("verb", ["account", "credit", "usage", "ledger"])
def test_what_is_not_there_says_so(tmp_path, verb):
    told = run(verb, "something", "--json", cwd=tmp_path)
    assert (told.returncode, told.stdout) == (1, "") and f"'{verb}' is not in this version yet" in told.stderr


@pytest.mark.parametrize("words, expected", [("ke", {"key"}), ("key cr", {"create"}), ("key create --na", {"--name"}), ("key list --admin-", {"--admin-url", "--admin-token-file"}), ("serve --config ", {"here.toml"}),
                                             ("audit logs --js", {"--json"}), ("key revoke app --js", {"--json"}), ("sim --flavor d", {"deepseek"}), ("completion b", {"bash"}), ("audit he", set())])
def test_completion_in_a_real_bash(tmp_path, words, expected):
    (tmp_path / "here.toml").write_text("")
    script = run("completion", "bash", cwd=tmp_path).stdout
    given = ["bellwether", *words.split(" ")]
    quoted = " ".join(f"'{word}'" for word in given)
    asked = f"{script}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(given) - 1}; _bellwether; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    told = subprocess.run(["bash", "-c", asked], cwd=tmp_path, capture_output=True, text=True)
    assert set(told.stdout.split()) == expected and told.stderr == ""


def test_every_variable_of_the_environment(tmp_path, sim):
    env = {"BELLWETHER_UPSTREAM": f"http://127.0.0.1:1,{sim.url}", "BELLWETHER_LISTEN": "127.0.0.1:0", "BELLWETHER_ADMIN_LISTEN": "127.0.0.1:0", "BELLWETHER_DATA": "there"}
    gateway = Process(tmp_path, "serve", env=env, name="gateway")
    key = next(word for word in gateway.said().split() if word.startswith("hs_"))
    with openai.OpenAI(api_key=key, base_url=gateway.url + "/v1", max_retries=0) as client:
        assert [model.id for model in client.models.list()] == ["m"]
    assert (tmp_path / "there/keys.jsonl").exists() and not gateway.ready["admin"].endswith(":8081")
    gateway.stop()


@pytest.mark.parametrize("verb", ["audit", "roi", "import litellm", "import vllm", "doctor", "bench", "chat"])
def test_every_flag_has_an_example(verb):
    flags, _, examples = run(*verb.split(), "--help", env={"LC_ALL": "C"}).stdout.partition("Examples:")
    for names in re.findall(r"^ +(-[-\w,{}]+)", flags, re.M):
        spellings = [name.partition("{")[0] for name in names.split(",")]
        assert "--help" in spellings or any(re.search(rf"(^|\s){name}\b", examples) for name in spellings), names
