"""The playbooks, one response a file."""
