"""What goes in and out of belkosten over HTTP."""
