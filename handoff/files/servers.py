"""Who answers what is asked of OpenAI, or of a server that speaks its format."""

import hashlib
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Server:
    """Where one kind of request goes.

    Attributes:
        key: Never shown.
        address: Its base URL, not shown since it may hold a password; None for OpenAI's own.
        named_by: The setting that names the address.
    """

    key: str = field(repr=False)
    address: str | None = field(default=None, repr=False)
    named_by: str = "OPENAI_BASE_URL"

    @property
    def identity(self) -> str:
        """A short name for identities."""
        if self.address is None:
            return "api"
        return hashlib.sha256(self.address.encode()).hexdigest()[:8]

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no sentence may repeat of what the server says."""
        try:
            password = urlsplit(self.address or "").password
        except ValueError:
            password = None
        return (self.key, password) if password else (self.key,)

    @property
    def is_openai(self) -> bool:
        """Whether it is OpenAI's own, which takes every field that it is sent."""
        if self.address is None:
            return True
        try:
            host = urlsplit(self.address).hostname or ""
        except ValueError:
            return False
        return f".{host}".endswith(".api.openai.com")

    @property
    def label(self) -> str:
        """The same in the middle of a sentence."""
        return "OpenAI" if self.address is None else f"the server of {self.named_by}"

    @property
    def called(self) -> str:
        """What a sentence about it begins with."""
        return "OpenAI" if self.address is None else f"The server of {self.named_by}"
