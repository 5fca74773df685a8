"""The command line: arguments and exit codes, nothing else.

Exit codes: 0 handed off, or all is well; 1 nobody takes it, or a check falls short; 2 an error, in
one line on standard error.
"""

import json
import os
import re
import sys
from contextlib import redirect_stdout

import click

from handoff.cli.agents import explain_query, overlap
from handoff.cli.batching import batch
from handoff.cli.evaluating import check, compare_registries, evaluate
from handoff.cli.learning import learn_cases, suggest_queries
from handoff.cli.options import ERROR, Output, complain
from handoff.cli.routing import doctor, route, ui
from handoff.cli.verdicts import verdicts
from handoff.core.errors import HandoffError, SettingsError
from handoff.core.texts import terminal_safe

_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=False)
@click.version_option(package_name="handoff", prog_name="handoff")
def cli() -> None:
    """Route a query to the specialist agent that should take it, or to nobody."""


for _command in (
    route,
    batch,
    evaluate,
    check,
    compare_registries,
    overlap,
    explain_query,
    learn_cases,
    suggest_queries,
    verdicts,
    doctor,
    ui,
):
    cli.add_command(_command)


def main() -> None:
    """Run the command line; see the module's docstring for exit codes."""
    output = Output()
    try:
        with redirect_stdout(output):
            code = cli.main(standalone_mode=False, obj=output)
        text = output.getvalue()
        _print(text if output.is_data else terminal_safe(text))
    except click.ClickException as error:
        complain(error.format_message())
        code = ERROR
    except HandoffError as error:
        complain(str(error))
        code = ERROR
    except click.Abort:
        code = ERROR
    sys.exit(code)


def _print(text: str) -> None:
    """Print to standard output; a reader that has gone away, as in `| head`, is no error.

    Raises:
        SettingsError: The output cannot be written.
    """
    out = sys.stdout
    if out is None:
        return
    try:
        text.encode(out.encoding or "ascii")
    except UnicodeEncodeError:
        # As JSON escapes it, so that JSON stays JSON.
        text = _NOT_ASCII.sub(lambda found: json.dumps(found.group())[1:-1], text)
    try:
        out.write(text)
        out.flush()
    except OSError as failure:
        # Python flushes once more when it ends; let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
        if not isinstance(failure, BrokenPipeError):
            reason = failure.strerror
            raise SettingsError(
                f"The output cannot be written ({reason}): write it elsewhere."
            ) from None
