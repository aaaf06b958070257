"""The one way in from outside: checks who calls, forwards to the services and shows the pages."""
