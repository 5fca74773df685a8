"""What tags without a language model keep, and whom they embarrass, with examples and without.

    python benchmarks/tags.py

On `cases.csv` and `everyday.csv` the examples are those that ship; on a public set they are half of
its cases, and the other half is asked. `HANDOFF_DATA` names the folder of public sets (default:
../shared/data beside this checkout), and `HANDOFF_EMBEDDER` another embedded model than the one
that ships: local-fast or local-minilm.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.embedded import LOCAL
from benchmarks.labelled_set import DATA, ROOT, gathered, halves, load_set, taught_router
from benchmarks.tag_quality import TagQuality, measure_tags
from handoff.background import BackgroundLoop
from handoff.bootstrap import build_router, open_registry
from handoff.core.model import Registry
from handoff.evaluation.run import label_run
from handoff.files.cases import Case, load_cases
from handoff.files.settings import load_settings
from handoff.router import Router

OWN = {"cases.csv": "cases.csv", "everyday.csv": "tests/data/everyday.csv"}
SETS = ("clinc_domains", "clinc150", "hwu64", "sealtools")
"""Those whose agents carry tags."""
TAUGHT = ("clinc_domains", "clinc150", "hwu64")
"""Those with several cases an agent."""

Asked = tuple[str, Router, Sequence[Case]]


def own_sets(cache_dir: Path) -> Iterator[Asked]:
    """Yield what ships, without examples and with them."""
    settings = load_settings(LOCAL | {"HANDOFF_CACHE_DIR": str(cache_dir)}, ROOT / "agents.csv")
    taught, _ = open_registry(settings)
    for registry, name in ((Registry(taught.agents), ""), (taught, ", examples")):
        router = build_router(settings, registry, None)
        for short, file in OWN.items():
            yield short + name, router, load_cases(ROOT / file, registry).cases


def public_sets(cache_dir: Path, loop: BackgroundLoop) -> Iterator[Asked]:
    """Yield the public sets that are here, without examples and with them."""
    for name in SETS:
        if not (DATA / name).exists():
            continue
        data = load_set(DATA / name, cache_dir, loop)
        yield name, build_router(data.settings, data.registry, None), data.cases
        if name in TAUGHT:
            learning, test = halves(data.owners, 0)
            cases = [data.cases[row] for row in test.tolist()]
            yield f"{name}, examples", taught_router(data, learning), cases


def quality_of(router: Router, cases: Sequence[Case], loop: BackgroundLoop) -> TagQuality:
    """Measure the tags of labelled queries."""
    labelled = label_run(loop.run(gathered(router, cases)), router.registry)
    expected = [case.expected for case in cases]
    return measure_tags(labelled.evidence, router.registry, expected)


def main() -> None:
    """Print a row a set."""
    loop = BackgroundLoop()
    names = list(TagQuality.__slots__)
    print(f"{'':26}" + "".join(f"{name:>18}" for name in names))
    with tempfile.TemporaryDirectory() as cache:
        for asked in (own_sets(Path(cache)), public_sets(Path(cache), loop)):
            for name, router, cases in asked:
                figures = asdict(quality_of(router, cases, loop))
                print(f"{name:26}" + "".join(f"{figures[each]:18.3f}" for each in names))
    loop.close()


if __name__ == "__main__":
    main()
