"""Exports: every entry of a period as a table or as an auditfile, streamed, and a manifest to check it against."""
