"""How the shipped router takes everyday queries in other languages than its agents' English.

    python benchmarks/languages.py

`languages.csv` beside this file says the same fourteen things in twelve languages: one for each
agent of agents.csv, and four for nobody. Examples and threshold are those that ship;
`HANDOFF_EMBEDDER` names another embedded model.

`first` is how many of the ten have their best score with the right agent, `right` how many that
agent gets, `wrong` how many of the fourteen anybody else gets.
"""

import csv
import os
import tempfile
from dataclasses import replace
from pathlib import Path

from handoff.core.model import Policy
from handoff.core.scripts import count_scripts
from handoff.evaluation.analysis import analyse
from handoff.evaluation.judged import Labelled, label
from handoff.files.settings import load_settings
from handoff.trace import Trace
from handoff.workbench import open_workbench

ROOT = Path(__file__).resolve().parents[1]
ENDS = f"{'right':>9}{'wrong':>7}"


def load_queries() -> dict[str, list[tuple[str, str | None]]]:
    """Return each language's queries with the agents that should get them, if anybody should."""
    found: dict[str, list[tuple[str, str | None]]] = {}
    with Path(__file__).with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, strict=True):
            found.setdefault(row["language"], []).append((row["query"], row["expected"] or None))
    return found


def ends(labelled: Labelled, policy: Policy) -> str:
    """Return how many are handed off rightly, and how many wrongly."""
    counts = analyse(labelled, policy).counts
    return f"{counts.right:9}{counts.wrong + counts.taken:7}"


def main() -> None:
    """Print a line a language: with the rule that nobody gets unknown letters, and without it."""
    chosen = os.environ.get("HANDOFF_EMBEDDER", "local")
    with tempfile.TemporaryDirectory() as cache:
        variables = {"HANDOFF_EMBEDDER": chosen, "HANDOFF_CACHE_DIR": cache}
        with open_workbench(load_settings(variables, ROOT / "agents.csv")) as bench:
            policy = bench.policy()
            print(f"{bench.ground.embedder}, threshold {policy.threshold:.4g}")
            print(f"{'':30}{'as shipped':>16}{'by score alone':>16}")
            print(f"{'':10}{'letters':13}{'first':>7}{ENDS}{ENDS}")
            for language, queries in load_queries().items():
                texts = [query for query, _ in queries]
                evidence = bench.run(bench.router.gather_many(texts, Trace()))
                labelled = label(evidence, bench.registry, [agent for _, agent in queries])
                (script, _), *_ = count_scripts(texts).most_common()
                first = int(analyse(labelled, policy).ranked.correct.sum())
                anyway = ends(labelled, replace(policy, known_scripts_only=False))
                print(f"{language:10}{script:13}{first:7}{ends(labelled, policy)}{anyway}")


if __name__ == "__main__":
    main()
