"""A handoff.toml from its text, and the ground that it stands on."""


def configured(folder, text):
    """Return a handoff.toml with this text."""
    config = folder / "handoff.toml"
    config.write_text(text, encoding="utf-8")
    return config
