"""``/metrics``: who may read it, what it says, and that the files about it speak of figures that exist."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from gateway.app import metric_files
from gateway.config.schema import Config, WebConfig
from gateway.metrics.committed import CommitMeter
from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.event import EventStatus
from gateway.ports.heartbeats import Heartbeat, LinesState, TrunkState
from gateway.services.acknowledge import acknowledge
from gateway.store import open_record
from tests.unit.web.installation import TOKEN, FakeClock, Installation, open_event, post
from web.services import Part, PartState

_DOCS = Path(__file__).parents[2] / "docs" / "metrics"
_NAME = re.compile(r"\btocsin_[a-z0-9_]+")
_PARTS_OF_HISTOGRAMS = re.compile(r"_(bucket|sum|count)$")

Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def there(sqlite_url: str) -> Iterator[Installation]:
    clock = FakeClock()
    record = open_record(sqlite_url, observer=CommitMeter(clock.now))
    yield Installation(record, clock=clock)
    record.close()


@pytest.fixture
def client(there: Installation) -> FlaskClient:
    return there.client()


def figures(client: FlaskClient) -> Figures:
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def grown(before: Figures, after: Figures, name: str, **labels: str) -> float:
    key = (name, tuple(sorted(labels.items())))
    return after.get(key, 0) - before.get(key, 0)


def asks(client: FlaskClient, address: str, **headers: str) -> int:
    return client.get("/metrics", environ_base={"REMOTE_ADDR": address}, headers=headers).status_code


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3", "192.168.7.1", "fd00::7", "::ffff:10.0.0.1"])
def test_own_networks_may_read_the_figures(client: FlaskClient, address: str) -> None:
    assert asks(client, address) == 200


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "nonsense"])
def test_strangers_may_not_read_the_figures(client: FlaskClient, address: str) -> None:
    assert asks(client, address) == 403


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-Ip", "Forwarded"])
def test_what_an_unknown_proxy_passes_on_is_a_strangers(client: FlaskClient, header: str) -> None:
    assert asks(client, "127.0.0.1", **{header: "127.0.0.1"}) == 403


def test_behind_a_known_proxy_the_clients_address_counts(there: Installation) -> None:
    there.config = Config(web=WebConfig(trusted_proxies=1))
    client = there.client()
    assert asks(client, "127.0.0.1", **{"X-Forwarded-For": "8.8.8.8"}) == 403
    assert asks(client, "127.0.0.1", **{"X-Forwarded-For": "10.0.0.8"}) == 200


def test_with_a_token_set_everybody_needs_it(there: Installation) -> None:
    there.config = Config.model_validate({"web": {"metrics_token": "let-me-see"}})
    client = there.client()
    assert asks(client, "8.8.8.8", Authorization="Bearer let-me-see") == 200
    assert asks(client, "127.0.0.1") == 403
    assert asks(client, "127.0.0.1", Authorization="Bearer let-me-se") == 403
    assert asks(client, "127.0.0.1", Authorization="Basic let-me-see") == 403


def test_posts_are_counted_by_what_became_of_them(there: Installation, client: FlaskClient) -> None:
    before = figures(client)
    assert post(client, title="One", dedup_key="1")[0] == 200
    assert post(client, title="One", dedup_key="1")[0] == 200
    assert post(client, title="")[0] == 400
    assert post(client, token="wrong", title="One")[0] == 403
    assert post(client, token=None, title="One")[0] == 401
    assert post(client, action="resolve", dedup_key="1")[0] == 200
    after = figures(client)
    for result in ("accepted", "repeated", "resolved"):
        assert grown(before, after, "tocsin_alerts_total", result=result) == 1
    assert grown(before, after, "tocsin_posts_refused_total", error="invalid_token") == 1
    assert grown(before, after, "tocsin_posts_refused_total", error="missing_token") == 1
    view = {"view": "ingest.take", "method": "POST"}
    assert grown(before, after, "tocsin_http_requests_total", status="200", **view) == 3
    assert grown(before, after, "tocsin_http_requests_total", status="403", **view) == 1
    assert grown(before, after, "tocsin_http_request_seconds_count", view="ingest.take") == 6
    assert there.all_events()


def test_an_acknowledgement_is_counted_with_the_time_it_took(there: Installation, client: FlaskClient) -> None:
    event_id = open_event(client)
    before = figures(client)
    tapped = there.clock.now()
    there.clock.advance(0.03)
    for name in ("Dana", "Kim"):
        acknowledge(there.record, event_ids=[event_id], contact_id=None, by=name, via=AcknowledgedVia.LINK, at=tapped)
    after = figures(client)
    assert grown(before, after, "tocsin_acknowledgements_total", via="link", first="true") == 1
    assert grown(before, after, "tocsin_acknowledgements_total", via="link", first="false") == 1
    assert grown(before, after, "tocsin_acknowledgement_commit_seconds_sum", via="link") == pytest.approx(0.06)


def test_what_is_rolled_back_is_not_counted(there: Installation, client: FlaskClient) -> None:
    event_id = open_event(client)
    before = figures(client)
    with there.record.write() as work:
        work.events.close(event_id, status=EventStatus.RESOLVED, at=there.clock.now(), from_statuses=frozenset())
        # No commit follows.
    after = figures(client)
    assert grown(before, after, "tocsin_alerts_total", result="resolved") == 0
    assert grown(before, after, "tocsin_record_write_seconds_count") == 0


def test_an_address_that_nothing_answers_is_one_figure_whatever_is_tried(client: FlaskClient) -> None:
    before = figures(client)
    for path in ("/wp-login.php", "/a.b.c", "/license/v1/nothing"):
        client.get(path)
    after = figures(client)
    assert grown(before, after, "tocsin_http_requests_total", view="none", method="GET", status="404") == 3


def test_it_tells_how_things_stand_now(there: Installation, client: FlaskClient) -> None:
    open_event(client)
    there.parts.append(Part(name="asterisk:pbx1", state=PartState.DEGRADED, detail="not connected"))
    with there.record.write() as work:
        trunks = (TrunkState(trunk="a", in_use=3, max_calls=30), TrunkState(trunk="b", max_calls=10, breaker="open"))
        beat = Heartbeat(engine="e1", at=there.clock.now(), parts={}, lines=LinesState(waiting=2, trunks=trunks))
        work.heartbeats.beat(beat)
        work.commit()
    there.clock.advance(7)
    now = figures(client)
    assert now["tocsin_ready", ()] == 1
    assert now["tocsin_part_ok", (("part", "asterisk:pbx1"),)] == 0
    assert now["tocsin_escalations_open", ()] == 1
    assert now["tocsin_engine_heartbeat_age_seconds", (("engine", "e1"),)] == pytest.approx(7)
    assert now["tocsin_calls_waiting", ()] == 2
    assert now["tocsin_trunk_lines_in_use", (("trunk", "a"),)] == 3
    assert now["tocsin_trunk_lines", (("trunk", "a"),)] == 30
    assert [now["tocsin_trunk_usable", (("trunk", name),)] for name in "ab"] == [1, 0]


def test_no_figure_names_a_license_a_person_or_a_number(there: Installation, client: FlaskClient) -> None:
    there.add_contact("Dana Scully", "+15550100")
    open_event(client, title="Plate ABC-123")
    text = client.get("/metrics").text
    for secret in ("Harbour", "Dana", "+15550100", "ABC-123", TOKEN):
        assert secret not in text


def test_prometheus_own_format_is_given_to_whoever_prefers_it(client: FlaskClient) -> None:
    answer = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.content_type.startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


def test_figures_that_dashboard_and_alert_rules_ask_for_exist(client: FlaskClient) -> None:
    known = set()
    for family in text_string_to_metric_families(client.get("/metrics").text):
        known |= {family.name, family.name + "_total", *(sample.name for sample in family.samples)}
    board = json.loads((_DOCS / "dashboard.json").read_text(encoding="utf-8"))
    rules = yaml.safe_load((_DOCS / "alerts.yaml").read_text(encoding="utf-8"))
    queries = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    queries += [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    # Those of this moment need an engine with trunks to be there.
    known |= {f"tocsin_{name}" for name in ("engine_heartbeat_age_seconds", "calls_waiting", "trunk_lines_in_use")}
    known |= {"tocsin_trunk_lines", "tocsin_trunk_usable"}
    named = {_PARTS_OF_HISTOGRAMS.sub("", name) for query in queries for name in _NAME.findall(query)}
    assert len(queries) > 20
    assert named <= known
    assert all(rule["annotations"]["summary"] for group in rules["groups"] for rule in group["rules"])


def test_the_client_must_be_told_where_to_count_before_it_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    with pytest.raises(RuntimeError, match="imported before"):
        metric_files.begin(Config(var_dir=tmp_path))
