"""Alerting under load: how long it takes from a point to the call of a webhook, and what the rules cost."""
