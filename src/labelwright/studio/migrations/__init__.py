"""The steps that bring the tables of a project from one version to the next."""
