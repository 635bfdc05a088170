"""Organisation: units, members, who belongs where and who leads, effective-dated."""
