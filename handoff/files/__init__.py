"""The files that people write: read strictly, written whole or not at all."""
