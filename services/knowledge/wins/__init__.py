"""Wins: how many deals were won, the first thing that knowledge learns of."""
