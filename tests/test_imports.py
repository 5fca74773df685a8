"""What importing costs."""

import json
import subprocess
import sys

SCRIPT = """
import json, sys, time
import numpy
begun = time.process_time()
import handoff, handoff.cli, handoff.files.policy
import handoff.evaluation.compare, handoff.evaluation.recommend, handoff.evaluation.run
print(json.dumps({"cpu": time.process_time() - begun, "loaded": sorted(sys.modules)}))
"""
BIG = {"flyte", "openai", "pandas", "plotly", "streamlit", "wordllama"}


def test_the_command_line_loads_no_big_dependency():
    """A static graph cannot see whether a deferred import defers; a fresh process can."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )

    assert BIG.isdisjoint(json.loads(done.stdout)["loaded"])
