"""HTTP as every service speaks it: routes, pages, problems, health."""
