"""The page: what a browser is answered, and what is then in the folder."""
