"""What several commands share: exit codes, options, and the bench that the options come to."""

import io
import os
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Any

import click

from handoff.core.errors import SettingsError
from handoff.core.model import Policy
from handoff.core.texts import shorten, terminal_safe
from handoff.files.settings import Settings, load_settings
from handoff.files.whole_file import same_file
from handoff.workbench import Workbench, open_workbench

OK, FAILED, ERROR = 0, 1, 2


class Output(io.StringIO):
    """What a command prints.

    Attributes:
        is_data: It is for another program, which gets it as it stands.
    """

    is_data = False


CASES = click.argument("cases_path", metavar="CASES", type=click.Path(path_type=Path))
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

_FILE = click.Path(path_type=Path)
_OPTIONS = {
    "registry": click.option(
        "--registry", type=_FILE, help="The agents, a CSV file.  [default: agents.csv here]"
    ),
    "config": click.option(
        "--config",
        type=_FILE,
        help="The policy, a TOML file.  [default: handoff.toml beside the registry]",
    ),
    "threshold": click.option(
        "--threshold", help="The lowest similarity for a hand-off, from -1 to 1."
    ),
    "force": click.option(
        "--force",
        is_flag=True,
        help="Use handoff.toml even if it was found with another embedder or on other agents.",
    ),
    "no_examples": click.option(
        "--no-examples",
        is_flag=True,
        help="Leave out what examples.csv beside the registry teaches.",
    ),
    "no_tags": click.option("--no-tags", is_flag=True, help="Switch the tag filter off."),
    "per_agent": click.option(
        "--per-agent", is_flag=True, help="Let an agent's own threshold take precedence."
    ),
}
JUDGING = ("registry", "config", "threshold", "force", "no_examples", "no_tags")
"""What is routed on, and how it is judged."""


@dataclass(frozen=True, slots=True)
class RoutingOptions:
    """What was asked for on the command line; an option that a command lacks is at its default."""

    registry: Path | None = None
    config: Path | None = None
    threshold: str | None = None
    force: bool = False
    no_examples: bool = False
    no_tags: bool = False
    per_agent: bool = False

    def settings(self, registry: Path | None = None) -> Settings:
        """Read the environment and the options, over another registry if wanted.

        Raises:
            SettingsError: They do not fit together.
        """
        settings = load_settings(os.environ, registry or self.registry, self.config)
        return replace(settings, examples=None) if self.no_examples else settings

    def open(self) -> AbstractContextManager[Workbench]:
        """Open what the options name; raises HandoffError."""
        return open_workbench(self.settings())

    def policy(self, bench: Workbench) -> Policy:
        """Return how the options judge; raises SettingsError."""
        return self.judging(bench.policy(self.threshold, force=self.force))

    def policy_or_default(self, bench: Workbench) -> tuple[Policy, list[str]]:
        """Return how the options judge, for a command that shows and lets nothing pass.

        Returns:
            The policy, and a note where a stale handoff.toml was passed over.

        Raises:
            SettingsError: handoff.toml or the threshold cannot be used.
        """
        policy, stale = bench.policy_or_default(self.threshold, force=self.force)
        if stale is None:
            return self.judging(policy), []
        mend = stale.mend[0].upper() + stale.mend[1:]
        return self.judging(policy), [f"{stale.passed_over} {mend}."]

    def judging(self, policy: Policy) -> Policy:
        """Return a policy with the switches of the options."""
        per_agent = self.per_agent or policy.per_agent
        return replace(policy, use_tags=policy.use_tags and not self.no_tags, per_agent=per_agent)


def complain(text: str) -> None:
    """Say something on standard error, whatever texts from outside it repeats."""
    click.echo(f"handoff: {terminal_safe(text)}", err=True)


def refuse_own(target: Path, own: Iterable[Path]) -> None:
    """Refuse an output that would replace a file that is read.

    Raises:
        SettingsError: It is one of them, under whichever name.
    """
    for path in own:
        if same_file(target, path):
            name, read = shorten(str(target), 200), shorten(str(path), 200)
            other = target.absolute() != path.absolute()
            kept = f" under another name, {read}" if other else ""
            raise SettingsError(
                f"{name} is read by handoff{kept}: choose another output, it would be replaced."
            )


def routing_options(*names: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Give a command these options; it gets them as one value, `options`."""

    def decorate(command: Callable[..., int]) -> Callable[..., int]:
        @wraps(command)
        def run(**given: Any) -> int:  # noqa: ANN401 - whatever else the command takes
            options = RoutingOptions(**{name: given.pop(name) for name in names})
            return command(options=options, **given)

        for name in reversed(names):
            run = _OPTIONS[name](run)
        return run

    return decorate
