"""Keys that are right one by one and do not fit each other.

These look at the values as written, whatever else is wrong with them, so that all mistakes are
told at once.
"""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from gateway.config.mistakes import KeyPath, Mistake, written
from gateway.config.schema import NodeConfig, PolicyConfig, parse_duration

# The name of Twilio's only trunk and node (gateway.ports.phone, which this layer does not know).
TWILIO = "twilio"


def cross_check(values: object) -> list[Mistake]:
    """Return every place where two keys contradict each other."""
    if not isinstance(values, Mapping):
        return []
    asterisk = _mapping(values.get("asterisk"))
    nodes, trunks = (_mappings(asterisk.get(key)) for key in ("nodes", "trunks"))
    return [
        *_same_names(nodes, ("asterisk", "nodes"), "node"),
        *_same_names(trunks, ("asterisk", "trunks"), "trunk"),
        *_twilios_name(nodes, ("asterisk", "nodes"), "node"),
        *_twilios_name(trunks, ("asterisk", "trunks"), "trunk"),
        *_unknown_nodes(nodes, trunks),
        *_shared_addresses(nodes),
        *(mistake for index, trunk in trunks for mistake in _trunk_keys(trunk, ("asterisk", "trunks", index))),
        *(mistake for index, node in nodes for mistake in _certificates(node, ("asterisk", "nodes", index))),
        *check_backoff(_mapping(values.get("policy")), ("policy",)),
        *_empty_tiers(values),
    ]


def check_backoff(policy: Mapping[str, object], path: KeyPath) -> Iterator[Mistake]:
    """Yield a mistake where the pause between retries begins longer than it may become."""
    fields = PolicyConfig.model_fields
    try:
        first, longest = (
            parse_duration(policy.get(key, fields[key].default)) for key in ("retry_backoff", "retry_backoff_max")
        )
    except ValueError:
        return
    if first > longest:
        yield Mistake(
            path=written((*path, "retry_backoff")),
            problem="longer than retry_backoff_max",
            suggestion="make it shorter, or retry_backoff_max longer",
        )


def _same_names(items: Sequence[tuple[int, Mapping[str, object]]], path: KeyPath, kind: str) -> Iterator[Mistake]:
    first: dict[str, int] = {}
    for index, item in items:
        name = item.get("name")
        if isinstance(name, str) and first.setdefault(name, index) != index:
            yield Mistake(
                path=written((*path, index, "name")),
                problem=f"{kind} {first[name] + 1} of the list is called {name!r} already",
                suggestion=f"give each {kind} its own name",
            )


def _twilios_name(items: Sequence[tuple[int, Mapping[str, object]]], path: KeyPath, kind: str) -> Iterator[Mistake]:
    for index, item in items:
        if item.get("name") == TWILIO:
            yield Mistake(
                path=written((*path, index, "name")),
                problem=f"{TWILIO!r} is the name under which calls through Twilio are recorded",
                suggestion=f"call the {kind} otherwise",
            )


def _unknown_nodes(
    nodes: Sequence[tuple[int, Mapping[str, object]]], trunks: Sequence[tuple[int, Mapping[str, object]]]
) -> Iterator[Mistake]:
    names = [str(node["name"]) for _, node in nodes if "name" in node]
    for index, trunk in trunks:
        name = trunk.get("node")
        if isinstance(name, str) and name not in names:
            close = get_close_matches(name, names, n=1)
            if close:
                suggestion = f"did you mean {close[0]!r}?"
            elif names:
                suggestion = f"the nodes are: {', '.join(names)}"
            else:
                suggestion = "add the node to asterisk.nodes"
            yield Mistake(
                path=written(("asterisk", "trunks", index, "node")),
                problem=f"no node is called {name!r}",
                suggestion=suggestion,
            )


def _shared_addresses(nodes: Sequence[tuple[int, Mapping[str, object]]]) -> Iterator[Mistake]:
    fields = NodeConfig.model_fields
    ami: dict[tuple[str, str], int] = {}
    for index, node in nodes:
        host = node.get("host")
        address = (str(host), str(node.get("port", fields["port"].default)))
        if ami.setdefault(address, index) != index:
            yield Mistake(
                path=written(("asterisk", "nodes", index, "port")),
                problem=f"node {ami[address] + 1} of the list has the same host and AMI port",
                suggestion="give each its own port",
            )


def _trunk_keys(trunk: Mapping[str, object], path: KeyPath) -> Iterator[Mistake]:
    formats = {key: trunk.get(key) for key in ("number_format", "caller_id_format")}
    for key, number_format in formats.items():
        if number_format == "national" and trunk.get("country") is None:
            yield Mistake(
                path=written((*path, key)),
                problem="national numbers, of an unknown country",
                suggestion="add country: the two letters of the carrier's country, as in DE",
            )
    if trunk.get("p_asserted_identity") == "caller_id" and trunk.get("caller_id") is None:
        yield Mistake(
            path=written((*path, "p_asserted_identity")),
            problem="there is no caller_id that it could say",
            suggestion="add caller_id, or write the number here",
        )
    yield from _certificates(trunk, path)


def _certificates(item: Mapping[str, object], path: KeyPath) -> Iterator[Mistake]:
    tls = _mapping(item.get("tls"))
    for there, missing in (("certificate", "key"), ("key", "certificate")):
        if tls.get(there) is not None and tls.get(missing) is None:
            yield Mistake(
                path=written((*path, "tls", there)),
                problem=f"there is no {missing} beside it",
                suggestion=f"add {missing}: the path of a PEM file on the node's machine",
            )


def _empty_tiers(values: Mapping[str, object]) -> Iterator[Mistake]:
    if values.get("tiers") == {}:
        yield Mistake(
            path="tiers", problem="no tier is left", suggestion="leave the key out for basic, pro, enterprise"
        )


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: object) -> Sequence[tuple[int, Mapping[str, object]]]:
    items = value if isinstance(value, list) else []
    return [(index, item) for index, item in enumerate(items) if isinstance(item, Mapping)]
