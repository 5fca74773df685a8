"""What several commands share: options, exit codes, and the policy that the options come to."""

import os
from dataclasses import replace
from pathlib import Path

import click

from handoff.core.model import Policy, ThresholdSource
from handoff.files.policy import Ground, load_policy, parse_threshold
from handoff.files.settings import Settings, load_settings
from handoff.router import Router

OK, FAILED, ERROR = 0, 1, 2

REGISTRY = click.option(
    "--registry",
    type=click.Path(path_type=Path),
    help="The agents, a CSV file.  [default: agents.csv here]",
)
CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The policy, a TOML file.  [default: handoff.toml beside the registry]",
)
THRESHOLD = click.option("--threshold", help="The least similarity for a hand-off, from -1 to 1.")
FORCE = click.option(
    "--force",
    is_flag=True,
    help="Take handoff.toml's word even if it was found on another embedder or registry.",
)
NO_EXAMPLES = click.option(
    "--no-examples", is_flag=True, help="Leave out what examples.csv beside the registry teaches."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def settings_of(registry: Path | None, config: Path | None, *, no_examples: bool) -> Settings:
    """Read the environment and the options; raises SettingsError."""
    settings = load_settings(os.environ, registry, config)
    return replace(settings, examples=None) if no_examples else settings


def policy_of(settings: Settings, router: Router, threshold: str | None, *, force: bool) -> Policy:
    """Read the policy, and let a threshold that was typed come first.

    Raises:
        SettingsError: handoff.toml or the threshold cannot be used.
    """
    policy = load_policy(
        settings.config, router.embedder.default_threshold, ground_of(router), force=force
    )
    if threshold is None:
        return policy
    return replace(policy, threshold=parse_threshold(threshold), source=ThresholdSource.ARGUMENT)


def ground_of(router: Router) -> Ground:
    """Return what a threshold found with this router stands on."""
    return Ground(router.embedder.identity, router.registry.fingerprint)
