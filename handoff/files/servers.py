"""Who answers what is asked of OpenAI, or of a server that speaks its format."""

import hashlib
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, urlsplit

from handoff.core.errors import SettingsError

_ENDPOINTS = ("/chat/completions", "/embeddings")
_OPENAI_HOST = "api.openai.com"
_AZURE = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com")


@dataclass(frozen=True, slots=True)
class Server:
    """Where one kind of request goes.

    Attributes:
        key: Never shown; empty where none is sent.
        address: Its base URL, not shown since it may hold a password; None for OpenAI's own.
        named_by: The setting that names the address.
        key_named_by: The setting that names the key.
    """

    key: str = field(repr=False)
    address: str | None = field(default=None, repr=False)
    named_by: str = "OPENAI_BASE_URL"
    key_named_by: str = "OPENAI_API_KEY"

    @property
    def identity(self) -> str:
        """A short name for identities."""
        if self.address is None:
            return "api"
        return hashlib.sha256(self.address.encode()).hexdigest()[:8]

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no sentence may repeat of what the server says."""
        parts = _split(self.address)
        password = None if parts is None else parts.password or parts.username
        return tuple(filter(None, (self.key, password)))

    @property
    def host(self) -> str:
        """The machine; empty where the address is none."""
        if self.address is None:
            return _OPENAI_HOST
        parts = _split(self.address)
        return "" if parts is None else parts.hostname or ""

    @property
    def is_openai(self) -> bool:
        """Whether it is OpenAI's own, which takes every field that it is sent."""
        return f".{self.host}".endswith(f".{_OPENAI_HOST}")

    @property
    def is_deployment(self) -> bool:
        """Whether the address is of Azure's older kind, of one model, with a header for the key."""
        parts = _split(self.address)
        return parts is not None and "/deployments/" in parts.path

    @property
    def root(self) -> str | None:
        """The address without what stands behind its path; None for OpenAI's own."""
        parts = _split(self.address)
        return self.address if parts is None else parts._replace(query="", fragment="").geturl()

    @property
    def query(self) -> dict[str, str]:
        """What every request has behind its path, such as the version that Azure wants to know."""
        parts = _split(self.address)
        return {} if parts is None else dict(parse_qsl(parts.query))

    @property
    def label(self) -> str:
        """The same in the middle of a sentence."""
        return "OpenAI" if self.address is None else f"the server of {self.named_by}"

    @property
    def called(self) -> str:
        """What a sentence about it begins with."""
        return "OpenAI" if self.address is None else f"The server of {self.named_by}"


def parse_address(text: str, name: str) -> str | None:
    """Return a base URL as somebody wrote it; None where it is blank.

    One of an endpoint, as it stands in a provider's examples, is cut to what lies before.

    Args:
        text: The address; it may hold a password, so no sentence repeats it.
        name: Of the setting.

    Raises:
        SettingsError: It is none, or not the whole of one.
    """
    address = text.strip()
    if not address:
        return None
    if not address.startswith(("http://", "https://")):
        raise SettingsError(f"{name} must begin with http:// or https://.")
    if not address.isprintable() or any(character.isspace() for character in address):
        raise SettingsError(f"{name} holds characters that no address has: write it again.")
    parts = _split(address)
    if parts is None:
        raise SettingsError(f"{name} is no address: write it as http://127.0.0.1:11434/v1.")
    path = parts.path.rstrip("/")
    for endpoint in _ENDPOINTS:
        path = path.removesuffix(endpoint)
    if "/deployments/" in path and "api-version" not in dict(parse_qsl(parts.query)):
        raise SettingsError(
            f"{name} is of Azure's older kind, which wants to know the version of its interface: "
            "add ?api-version= and the version, or name Azure's newer address, which ends in "
            "/openai/v1."
        )
    if (parts.hostname or "").endswith(_AZURE) and not path:
        raise SettingsError(
            f"{name} names a resource at Azure without a path: add /openai/v1, and name models by "
            "their deployments."
        )
    if path == parts.path.rstrip("/"):
        return address
    return parts._replace(path=path).geturl()


def _split(address: str | None) -> SplitResult | None:
    """Return the parts of an address; None where there are none."""
    try:
        return None if address is None else urlsplit(address)
    except ValueError:
        return None
