"""The whole house on one machine: embedded PostgreSQL and Valkey, one supervisor and the `stadsbeurs` command."""
