"""Link two files of people, or find duplicates in one: links, clusters, and pairs that a person must
review."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.config import MatchingSettings
from pipeline.matching.pair_matching import compare_people
from pipeline.matching.person import Person, person_from_record
from pipeline.matching.weights import load_rates
from pipeline.patients.patient_record import PatientUpdate
from pipeline.patients.splink_backend import register_people, splink_settings

MIN_SPLINK_BITS = -8.0  # bits by Splink's count below which a pair is not looked at by the rules
PRIOR_SAME_PERSON = (
    1e-6  # share of all pairs that are one person, for Splink's own probability; the rules have their own
)


@dataclass(frozen=True, slots=True)
class Link:
    """A pair: positions in the left and right file, decision, probability, weight in bits, and reason
    codes."""

    left: int
    right: int
    decision: str
    probability: float
    weight: float
    reasons: tuple[str, ...]


@dataclass(slots=True)
class LinkageResult:
    """The result of a linkage. `clusters` contain (file, position); file 0 is the left, 1 the right one."""

    people: tuple[int, int]
    compared: int = 0
    links: list[Link] = field(default_factory=list)
    clusters: list[tuple[tuple[int, int], ...]] = field(default_factory=list)

    def report(self) -> dict[str, int]:
        """Return the figures of the report."""
        decisions = Counter(link.decision for link in self.links)
        doubled = sum(max(Counter(side for side, _ in cluster).values()) > 1 for cluster in self.clusters)
        return {
            "left": self.people[0],
            "right": self.people[1],
            "pairs_compared": self.compared,
            "match": decisions["match"],
            "possible": decisions["possible"],
            "clusters": len(self.clusters),
            "clusters_with_several_of_one_file": doubled,
        }


def link_people(
    left: Sequence[PatientUpdate], right: Sequence[PatientUpdate] | None, settings: MatchingSettings
) -> LinkageResult:
    """Link the people of two files, or those in one file if `right` is None; the lower position of a pair is
    then left."""
    from splink import DuckDBAPI, Linker

    lefts = [person_from_record(patient.row) for patient in left]
    rights = lefts if right is None else [person_from_record(patient.row) for patient in right]
    api = DuckDBAPI()
    tables = [register_people(api, enumerate(lefts), "a")]
    if right is not None:
        tables.append(register_people(api, enumerate(rights), "b"))
    kind = "dedupe_only" if right is None else "link_only"
    linker = Linker(
        tables if right is not None else tables[0],
        splink_settings(kind, load_rates(settings.weights), PRIOR_SAME_PERSON),
        log_level=None,
    )
    predicted = linker.inference.predict(threshold_match_weight=MIN_SPLINK_BITS)
    pairs = api.duckdb_con.execute(
        f"select unique_id_l, unique_id_r from {predicted.physical_name} order by 1, 2"  # noqa: S608
    ).fetchall()
    found = LinkageResult(people=(len(lefts), 0 if right is None else len(rights)), compared=len(pairs))
    found.links = decide_pairs(pairs, lefts, rights, settings)
    found.clusters = cluster_links(
        (lk for lk in found.links if lk.decision == "match"), one_file=right is None
    )
    return found


def decide_pairs(
    pairs: Iterable[tuple[int, int]],
    lefts: Sequence[Person],
    rights: Sequence[Person],
    settings: MatchingSettings,
) -> list[Link]:
    """Return the pairs that the rules call match or possible. Different MRNs are ignored, because each file
    may have its own numbering."""
    links = []
    for a, b in pairs:
        left = lefts[a] if lefts[a].mrn == rights[b].mrn else replace(lefts[a], mrn=None)
        pair, decision = compare_people(left, rights[b], settings)
        if decision.decision != "none":
            codes = tuple(reason.code for reason in (*decision.reasons, *pair.reasons))
            links.append(Link(a, b, decision.decision, pair.probability, pair.weight, codes))
    return links


def cluster_links(links: Iterable[Link], *, one_file: bool) -> list[tuple[tuple[int, int], ...]]:
    """Return the groups of records that links connect, the largest first."""
    root: dict[tuple[int, int], tuple[int, int]] = {}

    def find(node: tuple[int, int]) -> tuple[int, int]:
        root.setdefault(node, node)
        while root[node] != node:
            root[node] = root[root[node]]
            node = root[node]
        return node

    for lk in links:
        root[find((0, lk.left))] = find((0 if one_file else 1, lk.right))
    groups: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for node in root:
        groups.setdefault(find(node), []).append(node)
    return sorted((tuple(sorted(group)) for group in groups.values()), key=lambda group: (-len(group), group))


def write_linkage(
    found: LinkageResult, left: Sequence[PatientUpdate], right: Sequence[PatientUpdate] | None, out: Path
) -> None:
    """Write links.csv, review.csv, clusters.csv and report.json into a folder. People are identified by MRN,
    or by their position in the file."""
    out.mkdir(parents=True, exist_ok=True)
    sides = (left, left if right is None else right)

    def name(side: int, place: int) -> str:
        return sides[side][place].row.get("mrn") or sides[side][place].place

    for file, decision in (("links.csv", "match"), ("review.csv", "possible")):
        with (out / file).open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(("left", "right", "probability", "weight", "reasons"))
            chosen = sorted(
                (lk for lk in found.links if lk.decision == decision), key=lambda lk: -lk.probability
            )
            writer.writerows(
                (
                    name(0, lk.left),
                    name(1, lk.right),
                    f"{lk.probability:.6f}",
                    lk.weight,
                    " ".join(lk.reasons),
                )
                for lk in chosen
            )
    with (out / "clusters.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("cluster", "file", "patient"))
        for number, cluster in enumerate(found.clusters, 1):
            writer.writerows((number, "right" if side else "left", name(side, n)) for side, n in cluster)
    (out / "report.json").write_text(json.dumps(found.report(), indent=1) + "\n", encoding="utf-8")
