"""All private names of mmengine that salseg leans on, each with what it is taken to do: an upgrade is read here.

mmengine 0.10 has no public way to do these things. Everything else of salseg uses public names only; a test says so.
"""
