"""OpenAI, and servers that speak its wire format; the SDK is imported on first use."""
