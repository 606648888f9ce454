"""Publishing to other warehouses."""
