"""What holds for every command."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import pytest

from gateway.app.cli.root import tocsin
from tests.command_line import CommandLine

BAD = "web: {workers: many}\npolcy: {}\ntelegram: {bot_token: '${NOT_SET_ANYWHERE}'}\n"


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.delenv("TOCSIN_CONFIG", raising=False)
    return CommandLine(tmp_path)


def commands(group: click.Command = tocsin, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(group, click.Group):
        return [(path, group)]
    context = click.Context(group)
    subcommands = [(name, group.get_command(context, name)) for name in group.list_commands(context)]
    return [found for name, one in subcommands if one is not None for found in commands(one, (*path, name))]


@pytest.mark.parametrize(
    ("path", "command"), commands(), ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_every_command_has_the_common_options_and_help_with_an_example(
    cli: CommandLine, path: tuple[str, ...], command: click.Command
) -> None:
    options = {option for parameter in command.params for option in parameter.opts}
    assert {"-c", "--config", "--json"} <= options
    ran = cli(*path, "--help")
    assert ran.status == 0
    assert f"  tocsin {' '.join(path)}" in ran.out
    assert ran.out.split("Example")[1]


def test_the_promised_commands_are_there() -> None:
    assert {" ".join(path) for path, _ in commands()} >= {
        *("serve", "web", "engine", "check-config", "migrate", "doctor"),
        *("license add", "license list", "license set", "contact add", "contact list", "source add", "source list"),
        *("event show", "event list", "event ack", "event resolve"),
        *("asterisk render", "asterisk up", "asterisk down", "tts voices", "tts say", "call test"),
    }


def test_the_version_is_told(cli: CommandLine) -> None:
    assert cli("--version").out.startswith("tocsin, version ")


def test_the_configuration_may_be_named_before_and_after_the_command(cli: CommandLine) -> None:
    named = str(cli.write("var_dir: elsewhere\n", "named.yaml"))
    for arguments in (
        ("-c", named, "license", "list"),
        ("license", "list", "-c", named),
        ("license", "list", "--config", named),
    ):
        assert cli(*arguments).status == 0
        assert (cli.directory / "elsewhere" / "tocsin.db").exists()
        assert not (cli.directory / "var").exists()


def test_the_name_after_the_command_wins(cli: CommandLine) -> None:
    good = str(cli.write("", "good.yaml"))
    assert cli("-c", "absent.yaml", "check-config", "-c", good).status == 0


@pytest.mark.parametrize("path", [path for path, _ in commands() if path[0] not in {"event", "call", "tts"}])
def test_mistakes_in_the_configuration_end_every_command_with_2(cli: CommandLine, path: tuple[str, ...]) -> None:
    cli.write(BAD)
    arguments = {
        "license add": ["--name", "n", "--tier", "pro"],
        "license set": ["1", "--active"],
        "contact add": ["--license", "1", "--name", "n", "--phone", "+15550100"],
        "contact list": ["--license", "1"],
        "contact set": ["1", "--enable"],
        "contact clear-flags": ["1"],
        "source add": ["--license", "1", "--kind", "anpr", "--name", "n"],
        "source set": ["1", "--disabled"],
        "template list": ["--license", "1"],
        "template show": ["--license", "1", "--name", "text", "--language", "en"],
        "template set": ["--license", "1", "--name", "text", "--language", "en", "--file", "-"],
        "template remove": ["--license", "1", "--name", "text", "--language", "en"],
        "template preview": ["--license", "1", "--name", "text", "--language", "en"],
        "admin add": ["--email", "a@b.c", "--password-stdin"],
        "admin password": ["--email", "a@b.c", "--password-stdin"],
        "admin set": ["--email", "a@b.c", "--disabled"],
        "source rotate": ["1"],
        "source curl": ["1"],
        "source test": ["1"],
        "asterisk render": ["--out", "x"],
        "asterisk console": ["core show version"],
        "quota show": ["--license", "1"],
        "evidence export": ["--license", "1"],
    }.get(" ".join(path), [])
    ran = cli(*path, *arguments)
    assert ran.status == 2
    assert ran.out == ""
    for place in ("web.workers (line 1)", "polcy (line 2)", "telegram.bot_token (line 3)"):
        assert place in ran.err


def test_with_json_mistakes_are_one_document(cli: CommandLine) -> None:
    cli.write(BAD)
    ran = cli("check-config", "--json")
    assert ran.status == 2
    assert ran.json["ok"] is False
    assert ran.json["error"] == "configuration"
    assert [mistake["path"] for mistake in ran.json["mistakes"]] == ["web.workers", "polcy", "telegram.bot_token"]
    assert ran.json["mistakes"][1]["suggestion"] == "did you mean policy?"


def test_check_config_tells_warnings_and_ends_with_0(cli: CommandLine) -> None:
    cli.write("web: {public_url: 'http://alerts.example.com'}\n")
    ran = cli("check-config")
    assert ran.status == 0
    assert "no mistakes" in ran.out
    assert "warning: web.public_url (line 1)" in ran.out
    document = cli.json("check-config")
    assert document["ok"] is True
    assert "web.public_url" in [warning["path"] for warning in document["warnings"]]


def test_check_config_touches_nothing(cli: CommandLine) -> None:
    assert cli("check-config").status == 0
    assert list(cli.directory.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("license", "add"),
        ("license", "add", "--name", "n", "--tier", "pro", "--nonsense"),
        ("license", "set", "x"),
        ("license", "set", "1"),
        ("license", "set", "1", "--policy", "l1_wait"),
        ("source", "add", "--license", "1", "--name", "n", "--kind", "toaster"),
        ("event", "list", "--status", "ajar"),
        ("tts", "say", "x", "--language", "en", "--out", "x.mp3"),
        ("call", "test", "5550100"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_wrong(cli: CommandLine, arguments: tuple[str, ...]) -> None:
    ran = cli(*arguments)
    assert ran.status == 2
    assert "Error: " in ran.err
    assert ran.out == ""


def test_a_misspelt_command_is_answered_with_the_nearest(cli: CommandLine) -> None:
    assert "'license'" in cli("licence", "list").err


def test_the_first_command_makes_the_database(cli: CommandLine) -> None:
    ran = cli("license", "list")
    assert ran.status == 0
    assert "no license yet" in ran.out
    assert "made a new database" in ran.err
    assert "made a new database" not in cli("license", "list").err


def test_first_commands_at_the_same_time_make_one_database(cli: CommandLine) -> None:
    with ThreadPoolExecutor(8) as together:
        add = ("license", "add", "--name", "n", "--tier", "pro", "--json")
        ended = list(together.map(lambda _: cli.process(*add), range(8)))
    assert [ran.status for ran in ended] == [0] * 8, [ran.err for ran in ended]
    assert sorted(ran.json["id"] for ran in ended) == list(range(1, 9))


def test_an_empty_file_is_a_new_database(cli: CommandLine) -> None:
    (cli.directory / "var").mkdir()
    (cli.directory / "var" / "tocsin.db").touch()
    assert cli.json("license", "list") == []


def test_migrate_says_what_it_did_and_may_be_run_again(cli: CommandLine) -> None:
    assert cli.json("migrate") == {"ok": True, "before": "behind", "after": "current"}
    assert cli.json("migrate") == {"ok": True, "before": "current", "after": "current"}


def test_a_database_that_holds_something_else_is_not_migrated_unasked(cli: CommandLine) -> None:
    (cli.directory / "var").mkdir()
    (cli.directory / "var" / "tocsin.db").write_bytes(b"not a database" * 100)
    ran = cli("license", "list")
    assert ran.status == 1
    assert "database" in ran.err


def test_a_database_out_of_reach_ends_with_1(cli: CommandLine) -> None:
    cli.write("database_url: postgresql+psycopg://nobody@127.0.0.1:1/none\n")
    ran = cli("license", "list", "--json")
    assert ran.status == 1
    assert ran.json["error"] == "schema_unreachable"
    assert "check database_url" in ran.err


def test_a_var_dir_that_cannot_be_written_ends_with_1(cli: CommandLine) -> None:
    (cli.directory / "file").write_text("", encoding="utf-8")
    cli.write("{var_dir: file, database_url: 'sqlite:///x.db'}")
    assert cli("license", "add", "--name", "n", "--tier", "pro").status == 0
    ran = cli("source", "add", "--license", "1", "--kind", "anpr", "--name", "n")
    assert ran.status == 1
    assert "file/secrets/secret_key" in ran.err


def test_the_installed_command_keeps_answer_and_logs_apart(cli: CommandLine) -> None:
    ran = cli.process(
        "license", "add", "--name", "Acme", "--tier", "pro", "--json", environ={"TOCSIN_LOG_LEVEL": "INFO"}
    )
    assert ran.status == 0
    assert ran.json["id"] == 1
    assert "schema_migrated" in ran.err


def test_the_installed_command_ends_with_its_status(cli: CommandLine) -> None:
    assert cli.process("event", "show", "7").status == 1
    assert cli.process("event", "show").status == 2
    cli.write(BAD)
    assert cli.process("license", "list").status == 2
    named = cli.write("", "named.yaml")
    assert cli.process("license", "list", environ={"TOCSIN_CONFIG": str(named)}).status == 0
