"""The page of results: one HTML file that needs no server, no network and nothing beside it."""
