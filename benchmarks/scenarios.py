"""What `python benchmarks/remote.py` asks of both designs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from handoff.core.model import Registry
from tests.fake_openai import Fault

MANY = 100
SLOTS = 10


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is asked of both designs.

    Attributes:
        name: As printed.
        queries: Handed off at the same time.
        registry: The agents.
        before: Handed off by ours before the clock starts; the usual design remembers nothing.
        batch: The queries come to ours as one batch.
        fault: What every request meets once the clock starts.
        timeout_seconds: For one attempt, of both.
        usual_slots: How many handoffs the usual design has under way at most.
        usual_runs: 0 for not measured.
        ours_runs: At least one.
    """

    name: str
    queries: Sequence[str]
    registry: Registry
    before: Sequence[str] = ()
    batch: bool = False
    fault: Fault | None = None
    timeout_seconds: float = 8.0
    usual_slots: int = MANY
    usual_runs: int = 5
    ours_runs: int = 5


def scenarios(ten: Registry, queries: Sequence[str]) -> list[Scenario]:
    """Return what is measured on both, or on ours with times."""
    hundred = Registry(
        tuple(
            replace(agent, id=f"{agent.id}-{copy}", name=f"{agent.name} {copy}")
            for copy in range(10)
            for agent in ten.agents
        )
    )
    one, other = queries[:1], queries[1:2]
    many = queries[:MANY]
    dead = Scenario(
        f"dead upstream (503), {MANY} handoffs",
        many,
        ten,
        fault="server_error",
        usual_slots=SLOTS,
        usual_runs=1,
    )
    return [
        Scenario("one handoff, cold registry", one, ten),
        Scenario("one handoff, warm registry", one, ten, before=other),
        Scenario("the same query again", one, ten, before=one, usual_runs=0),
        Scenario("10 in parallel", queries[:10], ten),
        Scenario("10 identical in parallel", [*one] * 10, ten),
        Scenario(
            f"{MANY} through {SLOTS} slots",
            many,
            ten,
            batch=True,
            usual_slots=SLOTS,
            usual_runs=1,
            ours_runs=2,
        ),
        Scenario("100 agents, cold", one, hundred),
        dead,
        replace(
            dead,
            name=f"dead upstream (hang, 1 s timeout), {MANY} handoffs",
            fault="hang",
            timeout_seconds=1.0,
        ),
    ]
