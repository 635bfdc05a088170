"""Pipeline: accounts, products and deals, from open to won or lost."""
