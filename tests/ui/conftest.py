"""The page without a browser."""

import functools

import pytest
from streamlit.components.v2 import manifest_scanner


@pytest.fixture(autouse=True, scope="session")
def installed_packages_are_read_once():
    """Look once for packages that bring components: every visit would read all their metadata.

    That was more than half of the time of these tests.
    """
    with pytest.MonkeyPatch.context() as patched:
        once = functools.cache(manifest_scanner.scan_component_manifests)
        patched.setattr(manifest_scanner, "scan_component_manifests", once)
        yield
