"""The web pages, one folder per audience: its routes, its words and its templates."""
